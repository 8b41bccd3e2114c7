//! [`FrameError`]: tells why a text is not a valid frame. [`FrameError::outline`] describes the error for a log, without the frame's
//! values.

use std::borrow::Cow;
use std::fmt;

/// The reason why a text is not a valid frame for this side.
///
/// None of these ends a session. A malformed call that still names its call id can be answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The text is not a JSON object.
    NotAnObject(serde_json::Error),
    /// There is no `type`, or it is not a string.
    NoType,
    /// A `type` this version does not know, perhaps from a newer peer; cut to 64 bytes.
    UnknownType(String),
    /// A known `type` whose fields do not fit.
    Malformed {
        /// The frame's `type`.
        kind: &'static str,
        /// The call the frame belongs to, where it says so.
        call_id: Option<String>,
        /// The mistake.
        reason: String,
        /// The line and the column where JSON goes wrong, from 1 on; within the member if a member has its second spelling.
        place: Option<(usize, usize)>,
    },
}

impl FrameError {
    /// The kind of the frame and the position of the mistake, for a log. The reason itself is left out: it may quote arguments and
    /// results, and be as long as the frame.
    #[must_use]
    pub fn outline(&self) -> String {
        match self {
            Self::NotAnObject(error) => {
                format!("not a JSON object at line {} column {}", error.line(), error.column())
            }
            Self::NoType => "no `type`".to_owned(),
            Self::UnknownType(kind) => format!("unknown type {kind:?}"),
            Self::Malformed { kind, place, .. } => match place {
                Some((line, column)) => format!("malformed `{kind}` at line {line} column {column}"),
                None => format!("malformed `{kind}`"),
            },
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject(error) => write!(f, "the frame is not a JSON object: {error}"),
            Self::NoType => f.write_str("the frame has no `type`"),
            Self::UnknownType(kind) => write!(f, "unknown frame type `{kind}`"),
            Self::Malformed { kind, reason, .. } => write!(f, "malformed `{kind}`: {reason}"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotAnObject(error) => Some(error),
            Self::NoType | Self::UnknownType(_) | Self::Malformed { .. } => None,
        }
    }
}

/// A known frame whose fields do not fit.
pub(super) fn malformed(kind: &'static str, call_id: Option<Cow<'_, str>>, reason: &str) -> FrameError {
    let call_id = call_id.map(Cow::into_owned);
    FrameError::Malformed { kind, call_id, reason: reason.to_owned(), place: None }
}

pub(super) fn malformed_at(kind: &'static str, call_id: Option<Cow<'_, str>>, error: &serde_json::Error) -> FrameError {
    // An error about a member that is missing has no place.
    let place = (error.line() > 0).then(|| (error.line(), error.column()));
    let call_id = call_id.map(Cow::into_owned);
    FrameError::Malformed { kind, call_id, reason: error.to_string(), place }
}

#[cfg(test)]
mod tests {
    use crate::tool_sync::WorkerFrame;

    fn described(text: &str) -> String {
        WorkerFrame::parse(text).unwrap_err().outline()
    }

    #[test]
    fn the_log_has_the_kind_and_the_place_and_nothing_of_the_frame() {
        let hidden = "hidden".repeat(1000);
        for (text, expected) in [
            (format!(r#"{{"type":"heartbeat","tools_health":{{"t":"{hidden}"}}}}"#), "malformed `heartbeat` at line 1"),
            (
                format!(r#"{{"type":"tool_error","call_id":"c","error":"e","traceback":["{hidden}"]}}"#),
                "malformed `tool_error` at line 1",
            ),
            (format!(r#"{{"type":"tool_register","tools":"{hidden}"}}"#), "malformed `tool_register`"),
            (format!(r#"{{"type":"tool_result","result":"{hidden}"}}"#), "malformed `tool_result`"),
            (format!(r#""{hidden}""#), "not a JSON object at line 1 column"),
            (format!(r#"{{"kind":"{hidden}"}}"#), "no `type`"),
        ] {
            let described = described(&text);
            assert!(described.starts_with(expected), "{described}");
            assert!(!described.contains("hidden") && described.len() < 100, "{described}");
        }
    }

    #[test]
    fn an_unknown_type_is_cut_and_escaped() {
        let text = serde_json::json!({"type": format!("new\n{}", "x".repeat(1000))}).to_string();
        let described = described(&text);
        assert!(described.starts_with(r#"unknown type "new\nxxx"#) && described.len() < 100, "{described}");
    }
}
