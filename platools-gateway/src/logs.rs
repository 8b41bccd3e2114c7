//! [`start`]: sets up the program's log: its output, its format, and the lines that it leaves out.

use std::io::{self, IsTerminal as _};

use platools_gateway::ops::log_tail::LogTail;
use platools_gateway::settings::{LogFormat, LogSettings};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Logs to standard error from now on; standard output is for what a script reads. The same lines go into the tail that is
/// returned.
///
/// # Errors
/// The filter is malformed.
pub(crate) fn start(log: &LogSettings) -> anyhow::Result<LogTail> {
    let tail = LogTail::new();
    let lines = fmt::layer()
        .with_writer(io::stderr)
        // They would go where the line could not be written to, with a panic if that fails as well: on a full disk, it does.
        .log_internal_errors(false);
    let lines = match log.format {
        // Colours are noise in a file or a journal.
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        _ => lines.json().flatten_event(true).boxed(),
    };
    let filter = EnvFilter::try_new(&log.filter)?;
    tracing_subscriber::registry().with(filter).with(harmless()).with(lines).with(into(&tail)).init();
    Ok(tail)
}

/// Libraries whose records repeat messages, arguments and results, also in warnings.
const SILENT: &[&str] = &["rmcp", "sse_stream"];

/// Libraries whose records below `warn` repeat requests, their headers, URLs or frames.
const QUIET: &[&str] = &["async_nats", "h2", "hyper", "reqwest", "rustls", "tokio_tungstenite", "tungstenite"];

/// Leaves out records of libraries that repeat secrets or payloads, whatever the filter says.
fn harmless<S: Subscriber>() -> impl Layer<S> {
    filter_fn(|metadata| is_harmless(metadata.target(), *metadata.level()))
}

fn is_harmless(target: &str, level: Level) -> bool {
    let library = target.split("::").next().unwrap_or(target);
    !SILENT.contains(&library) && (level <= Level::WARN || !QUIET.contains(&library))
}

/// Writes lines into a tail, whatever the form of the others is.
fn into<S: Subscriber + for<'a> LookupSpan<'a>>(tail: &LogTail) -> impl Layer<S> {
    let lines = fmt::layer().json().flatten_event(true).with_ansi(false).log_internal_errors(false);
    // Sending a line to whoever reads along may be worth a line at the level below, and that one another.
    lines.with_writer(ToLogTail(tail.clone())).with_filter(LevelFilter::from_level(Level::DEBUG))
}

/// Makes writers, each for one line.
struct ToLogTail(LogTail);

impl<'a> MakeWriter<'a> for ToLogTail {
    type Writer = TailLine<'a>;

    fn make_writer(&'a self) -> TailLine<'a> {
        TailLine { tail: &self.0, line: Vec::new() }
    }
}

/// A line that goes into the tail when it is dropped.
struct TailLine<'a> {
    tail: &'a LogTail,
    line: Vec<u8>,
}

impl io::Write for TailLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TailLine<'_> {
    fn drop(&mut self) {
        if let Ok(line) = std::str::from_utf8(&self.line) {
            self.tail.add(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_repeat_payloads_say_little_or_nothing() {
        for target in ["rmcp", "rmcp::service", "sse_stream::stream"] {
            assert!(!is_harmless(target, Level::ERROR), "{target}");
        }
        for target in [
            "async_nats::connection",
            "tungstenite::protocol",
            "tokio_tungstenite",
            "hyper::proto::h1",
            "reqwest::connect",
        ] {
            assert!(is_harmless(target, Level::WARN) && !is_harmless(target, Level::INFO), "{target}");
        }
        for target in ["platools_gateway::listen", "rmcp_like", "sqlx::query"] {
            assert!(is_harmless(target, Level::TRACE), "{target}");
        }
    }
}
