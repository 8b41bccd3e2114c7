//! [`new_instance`]: makes the id, the host and the process number under which a client introduces itself to its platform.

use std::{env, fs, process};

use platools_protocol::tool_sync::WorkerInstance;

/// A new client of this process.
pub(super) fn new_instance() -> WorkerInstance {
    let instance = WorkerInstance::new(&format!("{:016x}", fastrand::u64(..))).in_process(process::id());
    match host_name() {
        Some(host) => instance.on_host(host.trim()),
        None => instance,
    }
}

/// The name of this machine: as Linux has it, or else as the environment does.
fn host_name() -> Option<String> {
    let kernel = cfg!(target_os = "linux").then(|| fs::read_to_string("/proc/sys/kernel/hostname").ok()).flatten();
    let named = kernel.or_else(|| env::var("HOSTNAME").ok()).or_else(|| env::var("COMPUTERNAME").ok());
    named.filter(|name| !name.trim().is_empty())
}
