//! [`Context::log`]: sends an entry of the log from a running call to the caller.

use super::context::Context;
use super::report::LogEntry;
use platools_protocol::LogLevel;
use platools_protocol::truncate::truncate;

impl Context {
    /// Sends the caller a line of log while the call runs; cut to 8 KiB. Never waits and never fails.
    ///
    /// The caller reads it, a model or a person, so it must not say anything that the caller may not know; the worker's own log
    /// is another. Lines are sent in their order and before the call's answer, to platforms that know of the extension `log` and to
    /// clients of a local server. A gateway passes them on to clients of the Model Context Protocol that asked for a log, and to
    /// callers that read a call over REST as a stream; agents do not get them.
    ///
    /// Of lines that come faster than they are sent, 64 wait. Further ones are left out, the least severe first, and the log says how
    /// many. Lines that wait are lost with their socket.
    ///
    /// ```
    /// # use platools::{Context, LogLevel, tool};
    /// /// Import a file.
    /// #[tool]
    /// async fn import(lines: Vec<String>, ctx: &Context) -> usize {
    ///     let (empty, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(String::is_empty);
    ///     if !empty.is_empty() {
    ///         ctx.log(LogLevel::Warning, format!("{} empty lines were left out", empty.len()));
    ///     }
    ///     lines.len()
    /// }
    /// ```
    pub fn log(&self, level: LogLevel, message: impl AsRef<str>) {
        let entry = || LogEntry { level, message: truncate(message.as_ref(), MAX_MESSAGE_BYTES).to_owned() };
        self.report(|wanted| wanted.log, |reports| reports.put_entry(entry()));
    }
}

/// Messages are cut here: they are to be read, not to carry data.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::super::reports::tests::call;
    use super::*;

    #[test]
    fn a_long_message_is_cut_and_stays_out_of_debug() {
        let (ctx, _queue, _calls) = call(true, true);
        ctx.log(LogLevel::Info, "é".repeat(8 * 1024));
        let entry = &ctx.take_reports().expect("it is kept").log[0];
        assert_eq!(entry.message.len(), MAX_MESSAGE_BYTES);
        assert_eq!(format!("{entry:?}"), "LogEntry { level: Info, message_bytes: 8192 }");
    }
}
