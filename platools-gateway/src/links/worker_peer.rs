//! `WorkerPeer`: the address and the process that a worker connects from. With it the gateway tells a worker that reconnects from another
//! worker of the same entity.

use std::fmt;
use std::net::IpAddr;

use platools_protocol::tool_sync::WorkerInstance;
use serde::{Deserialize, Serialize};

/// The address and the process that a worker connects from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerPeer {
    pub(crate) address: Option<IpAddr>,
    /// The process, if the worker names it.
    #[serde(with = "instance_header")]
    pub(crate) instance: Option<WorkerInstance>,
}

impl WorkerPeer {
    /// True if two connections are the same client's. `None` if that cannot be told: workers of other SDKs name no process, and several
    /// may have one address.
    pub(super) fn is_same(&self, other: &Self) -> Option<bool> {
        match (&self.instance, &other.instance) {
            (Some(own), Some(other)) => Some(own.id == other.id),
            (None, None) if self.address == other.address => None,
            _ => Some(false),
        }
    }
}

/// Says where the worker is, for people.
impl fmt::Display for WorkerPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{address}")?,
            None => f.write_str("unknown address")?,
        }
        let Some(instance) = &self.instance else { return Ok(()) };
        match instance.pid {
            Some(pid) => write!(f, ", process {pid}")?,
            None => write!(f, ", instance {}", instance.id)?,
        }
        match &instance.host {
            Some(host) => write!(f, " on {host}"),
            None => Ok(()),
        }
    }
}

/// Reads and writes the process as workers send it.
mod instance_header {
    use platools_protocol::tool_sync::WorkerInstance;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(instance: &Option<WorkerInstance>, to: S) -> Result<S::Ok, S::Error> {
        instance.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<WorkerInstance>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(text.as_deref().and_then(WorkerInstance::from_header))
    }
}
