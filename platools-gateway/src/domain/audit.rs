//! `AuditEvent`: one event of the audit, such as a change or a sign-in, with its author, its action and its outcome.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};

use super::identity::{Caller, Credential};
use super::ids::{AgentId, AuditEventId, ProjectId};
use super::origin::RequestOrigin;
use super::random;

/// Length limit of each text of an event, in characters; the rest is cut off.
const MAX_TEXT_CHARS: usize = 255;

/// Names of events: a dotted noun and verb, stable over versions.
pub mod action {
    /// An entity was added.
    pub const ENTITY_CREATE: &str = "entity.create";
    /// An entity got a new secret.
    pub const ENTITY_ROTATE: &str = "entity.rotate";
    /// An entity was removed.
    pub const ENTITY_DELETE: &str = "entity.delete";
    /// An environment was added.
    pub const ENVIRONMENT_CREATE: &str = "environment.create";
    /// An environment was removed.
    pub const ENVIRONMENT_DELETE: &str = "environment.delete";
    /// An agent was added.
    pub const AGENT_CREATE: &str = "agent.create";
    /// An agent's names, profile or owner were changed.
    pub const AGENT_UPDATE: &str = "agent.update";
    /// An agent was removed.
    pub const AGENT_DELETE: &str = "agent.delete";
    /// A caller's key was added.
    pub const KEY_CREATE: &str = "key.create";
    /// A caller's key was revoked.
    pub const KEY_REVOKE: &str = "key.revoke";
    /// A caller's token was signed.
    pub const TOKEN_MINT: &str = "token.mint";
    /// A worker's token was signed.
    pub const WORKER_TOKEN_MINT: &str = "worker_token.mint";
    /// A token was revoked, with those that were minted with it.
    pub const TOKEN_REVOKE: &str = "token.revoke";
    /// A new key signs tokens.
    pub const SIGNING_KEY_ROTATE: &str = "signing_key.rotate";
    /// A tool was switched on.
    pub const TOOL_ENABLE: &str = "tool.enable";
    /// A tool was switched off.
    pub const TOOL_DISABLE: &str = "tool.disable";
    /// A worker was drained: it gets no more calls.
    pub const WORKER_DRAIN: &str = "worker.drain";
    /// The connection of a worker was closed.
    pub const WORKER_DISCONNECT: &str = "worker.disconnect";
    /// A project was added.
    pub const PROJECT_CREATE: &str = "project.create";
    /// A project was removed.
    pub const PROJECT_DELETE: &str = "project.delete";
    /// A worker opened a link, or was refused one.
    pub const WORKER_CONNECT: &str = "worker.connect";
    /// A caller connected over gateway RPC.
    pub const RPC_CONNECT: &str = "rpc.connect";
    /// A dashboard began to watch an agent, or was refused it.
    pub const FEED_CONNECT: &str = "feed.connect";
    /// A browser signed in with a key, a token or a code.
    pub const CONSOLE_SIGN_IN: &str = "console.sign_in";
    /// An agent began a session.
    pub const SESSION_BEGIN: &str = "session.begin";
    /// An agent opened a socket with a ticket.
    pub const SOCKET_OPEN: &str = "socket.open";
    /// A client began a session of the Model Context Protocol.
    pub const MCP_SESSION_BEGIN: &str = "mcp_session.begin";
    /// A caller brought no key or token, or a wrong one.
    pub const CALLER_AUTHENTICATE: &str = "caller.authenticate";
    /// A caller asked for something that its role does not allow.
    pub const CALLER_AUTHORIZE: &str = "caller.authorize";
    /// A request was refused before its credential was checked, because of its `Host` or `Origin`.
    pub const REQUEST_ADMIT: &str = "request.admit";
}

/// The kinds of events. Each has a bound of its own in the database, so that many of one kind push out none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditKind {
    /// An administrative change.
    Change,
    /// A sign-in that opened something lasting.
    SignIn,
    /// A refusal.
    Refusal,
}

impl AuditKind {
    pub(crate) const ALL: [Self; 3] = [Self::Change, Self::SignIn, Self::Refusal];

    /// The name in logs and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::SignIn => "sign_in",
            Self::Refusal => "refusal",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// `refused` for a refusal, `ok` for everything else.
    #[must_use]
    pub fn outcome(self) -> &'static str {
        if self == Self::Refusal { "refused" } else { "ok" }
    }
}

/// The author of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Actor {
    /// The id of the key, the token or the secret; `nothing` of a caller without any. None if nobody is known.
    pub credential: Option<String>,
    /// The caller's role.
    pub role: Option<String>,
    /// The user that the caller spoke for.
    pub user_id: Option<String>,
    /// The agent that the caller is.
    pub agent_id: Option<AgentId>,
    /// The origin of the request.
    pub origin: RequestOrigin,
}

impl Actor {
    /// An author without a name.
    #[must_use]
    pub fn unknown(origin: RequestOrigin) -> Self {
        Self { origin, ..Self::default() }
    }

    /// A worker that is known by its entity's secret, or by a token.
    pub(crate) fn worker(credential: &Credential, origin: RequestOrigin) -> Self {
        Self { credential: Some(credential.to_string()), ..Self::unknown(origin) }
    }

    /// True for an actor that the gateway cannot name. There may be any number of them.
    pub(crate) fn is_stranger(&self) -> bool {
        self.origin.address.is_some()
            && self.credential.as_ref().is_none_or(|credential| *credential == Credential::Nothing.to_string())
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self {
            credential: Some(caller.credential.to_string()),
            role: Some(caller.role.as_str().to_owned()),
            user_id: caller.user_id.as_deref().map(plain),
            agent_id: caller.agent_id.clone(),
            origin: caller.origin.clone(),
        }
    }
}

/// A record of the audit. It names things of the directory, and outlives them. It never has a secret, an argument or a result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its kind.
    pub kind: AuditKind,
    /// The action, of [`action`] or of another version.
    pub action: Cow<'static, str>,
    /// The author of the event.
    pub actor: Actor,
    /// The project that it is about; none for what concerns the whole gateway, such as strangers and projects themselves.
    pub project_id: Option<ProjectId>,
    /// The thing it was done to: an id, a name, a route or a method.
    pub subject: Option<String>,
    /// More about it in words: for a refusal, the reason.
    pub detail: Option<String>,
    /// The number of further events of the same network that were counted instead of recorded, since the previous event.
    pub left_out: u64,
}

impl AuditEvent {
    /// An event that happened at a time, in milliseconds since 1970.
    pub(crate) fn new(kind: AuditKind, action: &'static str, actor: Actor, at_ms: i64) -> Self {
        Self {
            id: next_id(at_ms),
            at_ms,
            kind,
            action: action.into(),
            actor,
            project_id: None,
            subject: None,
            detail: None,
            left_out: 0,
        }
    }

    /// Names the project.
    pub(crate) fn in_project(self, project: &ProjectId) -> Self {
        Self { project_id: Some(project.clone()), ..self }
    }

    /// Names the thing it was done to.
    pub(crate) fn on(self, subject: &str) -> Self {
        Self { subject: Some(plain(subject)), ..self }
    }

    /// Adds a detail.
    pub(crate) fn because(self, detail: &str) -> Self {
        Self { detail: Some(plain(detail)), ..self }
    }
}

/// The events a reader may see.
#[derive(Debug, Clone)]
pub(crate) enum AuditScope {
    /// All of them.
    Everything,
    /// Events of one project.
    Project(ProjectId),
    /// Events of one project, and events that concern the whole gateway.
    ProjectAndGateway(ProjectId),
}

/// Filter for the events of a list. A field without a value matches everything.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The kind.
    pub kind: Option<AuditKind>,
    /// The action, as in [`action`].
    pub action: Option<String>,
    /// The id of the credential, the user or the agent.
    pub actor: Option<String>,
    /// Events at this time or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Events before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// Events that follow this one in the list.
    pub after: Option<AuditCursor>,
}

/// The position after an event in the list, which goes from the newest to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCursor {
    /// Time of the last event of the page, in milliseconds since 1970.
    pub at_ms: i64,
    /// The last event of the page.
    pub id: AuditEventId,
}

/// Limits on the events that stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditRetention {
    /// Events before this moment are deleted.
    pub(crate) oldest_ms: i64,
    /// The number of events of each kind that stay.
    pub(crate) max_rows: i64,
    /// The largest number of events of each kind that one call deletes.
    pub(crate) batch: i64,
}

/// A new id. Ids of one process are in the order of their events, so that lists keep it within a millisecond as well.
fn next_id(at_ms: i64) -> AuditEventId {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("aud_{at_ms:012x}{number:08x}{}", random::hex_of::<4>()).into()
}

/// A text that fits into a line of a log: cut to length, without control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_short_and_on_one_line() {
        let event = AuditEvent::new(AuditKind::Change, action::TOOL_DISABLE, Actor::default(), 17)
            .on("a\nb\u{1b}[31mc")
            .because(&"ü".repeat(1000));
        assert_eq!(event.subject.as_deref(), Some("ab[31mc"));
        assert_eq!(event.detail.unwrap().chars().count(), MAX_TEXT_CHARS);
    }

    #[test]
    fn ids_are_in_the_order_of_events() {
        let events: Vec<_> =
            (0..300).map(|_| AuditEvent::new(AuditKind::Change, action::KEY_CREATE, Actor::default(), 17)).collect();
        assert!(events.is_sorted_by(|one, next| one.id < next.id));
    }

    #[test]
    fn only_callers_from_elsewhere_without_a_credential_are_strangers() {
        let elsewhere = RequestOrigin::from(std::net::IpAddr::from([10, 0, 0, 1]));
        let of = |caller: Caller| Actor::from(&Caller { origin: elsewhere.clone(), ..caller });
        assert!(Actor::unknown(elsewhere.clone()).is_stranger());
        assert!(of(Caller { credential: Credential::Nothing, ..Caller::sample("key_1") }).is_stranger());
        assert!(!of(Caller::sample("key_1")).is_stranger());
        assert!(!Actor::default().is_stranger(), "the program itself");
    }
}
