//! Types of ids, such as `CallId` and `AgentId`. Each thing has a type of its own, so that no id is used for another thing.

use std::fmt;
use std::sync::Arc;

use super::random;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// A new id that no other thing has.
            #[must_use]
            pub fn random() -> Self {
                Self(format!(concat!($prefix, "{}"), random::hex_of::<16>()).into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// An organization, the outermost scope.
    OrganizationId = "org_";
    /// A project of an organization.
    ProjectId = "prj_";
    /// An environment of a project, such as development.
    EnvironmentId = "env_";
    /// An entity: a backend that registers tools.
    EntityId = "ent_";
    /// An agent that calls tools.
    AgentId = "agent_";
    /// A secret of an entity.
    SecretId = "sec_";
    /// A caller's key.
    KeyId = "key_";
    /// Id of a call.
    CallId = "call_";
    /// Id of a conversation with an agent.
    ConversationId = "conv_";
    /// Id of a run: the work of an agent on one message.
    RunId = "run_";
    /// Id of a link of a worker.
    LinkId = "conn_";
    /// Id of a socket of a caller, a dashboard or an agent.
    ConnectionId = "conn_";
    /// Id of an agent's session.
    SessionId = "sess_";
    /// A channel that agents talk in.
    ChannelId = "chan_";
    /// A message in a channel.
    MessageId = "msg_";
    /// A record of the audit.
    AuditEventId = "aud_";
}
