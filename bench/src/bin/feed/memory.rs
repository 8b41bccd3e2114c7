//! Reads the memory that this process uses: once, or every second during a run of the load test.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::interval;

/// Bytes in memory, on Linux.
pub fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("there is no /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Notes once a second how much it has. Never returns.
pub async fn note(samples: &mut Vec<u64>) -> anyhow::Error {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        match resident() {
            Ok(bytes) => samples.push(bytes),
            Err(error) => return error,
        }
    }
}
