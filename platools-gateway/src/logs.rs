//! Where logs go, and how they look.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Logs to standard error from now on; standard output is for what a script reads.
///
/// # Errors
/// The filter is malformed.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.filter)?)
        .with_writer(io::stderr)
        // They would go where the line could not be written to, with a panic if that fails as well: on a full disk, it does.
        .log_internal_errors(false);
    match log.format {
        // Colours are noise in a file or a journal.
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
