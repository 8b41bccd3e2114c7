//! [`Revision`]: the revisions of the Model Context Protocol, and the features that each has. `older_revisions` writes messages for the older
//! ones.

use rmcp::RoleServer;
use rmcp::model::{ProtocolVersion, ServerJsonRpcMessage, ServerResult};
use rmcp::service::RequestContext;

/// A revision of the Model Context Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Revision {
    /// 2024-11-05: texts, images and embedded resources.
    V2024_11_05,
    /// 2025-03-26: sounds, hints of tools, messages of progress.
    V2025_03_26,
    /// 2025-06-18: structured content, links to resources.
    V2025_06_18,
    /// 2025-11-25: icons of links, events without a message.
    V2025_11_25,
    /// 2026-07-28: no sessions.
    V2026_07_28,
}

impl Revision {
    /// Every revision that is spoken, the oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// The revision of clients that do not name theirs, as the protocol has it.
    pub const UNNAMED: Self = Self::V2025_03_26;

    /// The name, such as `2025-11-25`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// The revision that a request is made in: its own, or that of its session.
    #[must_use]
    pub fn of_request(context: &RequestContext<RoleServer>) -> Self {
        context.protocol_version().as_ref().and_then(Self::of_version).unwrap_or(Self::UNNAMED)
    }

    /// The revision that the answer to `initialize` names; `None` for every other message.
    #[must_use]
    pub fn of_initialize(answer: &ServerJsonRpcMessage) -> Option<Self> {
        let ServerJsonRpcMessage::Response(response) = answer else { return None };
        let ServerResult::InitializeResult(initialized) = &response.result else { return None };
        Self::of_version(&initialized.protocol_version)
    }

    fn of_version(version: &ProtocolVersion) -> Option<Self> {
        Self::named(version.as_str())
    }

    /// True for a revision with `structuredContent` and output schemas.
    #[must_use]
    pub fn has_structured_content(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// True for a revision whose streams may have events without a message.
    #[cfg(feature = "mcp-http")]
    pub(super) fn has_empty_events(self) -> bool {
        self >= Self::V2025_11_25
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_those_of_the_library_in_their_order() {
        let known: Vec<_> = ProtocolVersion::KNOWN_VERSIONS.iter().map(ProtocolVersion::as_str).collect();
        assert_eq!(known, Revision::ALL.map(Revision::as_str));
        assert!(Revision::ALL.is_sorted());
        assert_eq!((Revision::named("2025-06-18"), Revision::named("x")), (Some(Revision::V2025_06_18), None));
    }
}
