//! [`WorkerInstance`]: identifies one client in one process of a worker, by an id, the host and the process. Workers send it as a header
//! when they connect.

use std::fmt;

/// The header of an upgrade in which a worker names its process. Its value is that of [`WorkerInstance`] as text.
pub const INSTANCE_HEADER: &str = "platools-instance";

/// Bytes of an id.
const MAX_ID_BYTES: usize = 64;

/// Bytes of a host name, as in DNS.
const MAX_HOST_BYTES: usize = 253;

/// Identity of a client in a worker's process. A later connection with the same id is the same client's, with the calls that it runs.
///
/// ```
/// use platools_protocol::tool_sync::WorkerInstance;
///
/// let instance = WorkerInstance::from_header("1f6c20aa97d3b805; host=web-1; pid=4711").expect("an id");
/// assert_eq!((instance.host.as_deref(), instance.pid), (Some("web-1"), Some(4711)));
/// assert_eq!(instance.to_string(), "1f6c20aa97d3b805; host=web-1; pid=4711");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct WorkerInstance {
    /// An id that no other client has, also none of the same process: 1 to 64 ASCII letters, digits, `-` and `_`.
    pub id: String,
    /// The name of its machine, if that is known.
    pub host: Option<String>,
    /// The id of its process, if that is known.
    pub pid: Option<u32>,
}

impl WorkerInstance {
    /// An instance with this id; characters that an id does not have are left out.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let id = id.chars().filter(|c| is_of_id(*c)).take(MAX_ID_BYTES).collect();
        Self { id, host: None, pid: None }
    }

    /// Adds the name of the machine; characters that a host name cannot have are left out.
    #[must_use]
    pub fn on_host(mut self, host: &str) -> Self {
        let host: String = host.chars().filter(|c| is_of_host(*c)).take(MAX_HOST_BYTES).collect();
        self.host = Some(host).filter(|host| !host.is_empty());
        self
    }

    /// Adds the id of the process.
    #[must_use]
    pub fn in_process(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// Reads the value of [`INSTANCE_HEADER`]; `None` without a valid id. Parts that are not known or make no sense are passed over.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        let id = parts.next().filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES && id.chars().all(is_of_id))?;
        let mut instance = Self::new(id);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name {
                "host" => instance = instance.on_host(value),
                "pid" => instance.pid = value.parse().ok(),
                _ => {}
            }
        }
        Some(instance)
    }
}

/// Writes the value of [`INSTANCE_HEADER`].
impl fmt::Display for WorkerInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if let Some(host) = &self.host {
            write!(f, "; host={host}")?;
        }
        match self.pid {
            Some(pid) => write!(f, "; pid={pid}"),
            None => Ok(()),
        }
    }
}

fn is_of_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_of_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_makes_no_sense_is_none_and_its_parts_are_passed_over() {
        for value in ["", ";host=a", "two words", "id=1", &"x".repeat(65)] {
            assert_eq!(WorkerInstance::from_header(value), None, "{value:?}");
        }
        let bare = WorkerInstance::new("a1");
        for value in ["a1", " a1 ;", "a1; host=; pid=-1; other=2; host"] {
            assert_eq!(WorkerInstance::from_header(value), Some(bare.clone()), "{value:?}");
        }
    }

    #[test]
    fn no_part_breaks_the_header() {
        let instance = WorkerInstance::new("a;b c").on_host("web\r\n1; pid=2").in_process(3);
        assert_eq!(instance.to_string(), "abc; host=web1pid2; pid=3");
        assert_eq!(WorkerInstance::from_header(&instance.to_string()), Some(instance));
        assert_eq!(
            WorkerInstance::new("a").on_host(&"h".repeat(1000)).host.map(|host| host.len()),
            Some(MAX_HOST_BYTES)
        );
    }
}
