//! Types of ids, such as `CallId` and `AgentId`. Each kind of object has a type of its own, so that the compiler finds ids that are mixed
//! up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::random;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
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

impl CallId {
    /// A new id of a call that begins at this gateway. The ids of a gateway that is alone do not name it.
    #[must_use]
    pub fn from_gateway(gateway: GatewayNumber) -> Self {
        match gateway {
            GatewayNumber::ALONE => Self::random(),
            GatewayNumber(number) => Self(format!("call_{number}_{}", random::hex_of::<16>()).into()),
        }
    }

    /// The gateway where the call began, which has the caller.
    #[must_use]
    pub fn gateway(&self) -> GatewayNumber {
        let number = self.0.strip_prefix("call_").and_then(|rest| rest.split_once('_')?.0.parse().ok());
        number.and_then(GatewayNumber::new).unwrap_or(GatewayNumber::ALONE)
    }
}

/// The number of a gateway among those that serve the same workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GatewayNumber(u16);

impl GatewayNumber {
    /// The number of a gateway that is alone.
    pub const ALONE: Self = Self(0);

    /// The bits of a number: at most 1024 gateways serve the same workers.
    pub const BITS: u32 = 10;

    /// The gateway with a number from 0 to 1023.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number >> Self::BITS == 0 { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_call_names_the_gateway_where_it_began_unless_that_is_alone() {
        for number in [0, 1, 7, 1023] {
            let gateway = GatewayNumber::new(number).unwrap();
            assert_eq!(CallId::from_gateway(gateway).gateway(), gateway);
        }
        assert_eq!(CallId::from_gateway(GatewayNumber::ALONE).as_str().len(), "call_".len() + 32);
        for foreign in ["", "call_", "call_1024_aa", "call_x_aa", "job_1_aa", "call_-1_aa"] {
            assert_eq!(CallId::from(foreign).gateway(), GatewayNumber::ALONE, "{foreign}");
        }
        assert_eq!(GatewayNumber::new(1024), None);
    }
}
