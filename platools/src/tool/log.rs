//! [`Context::log`]: log entries of a call for its caller.

use std::fmt;

use super::context::Context;
use platools_protocol::LogLevel;
use platools_protocol::truncate::cut;

/// Messages are cut here: they are to be read, not to carry data.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;

impl Context {
    /// Tells the caller something while the call runs; cut to 8 KiB. Never waits and never fails.
    ///
    /// It is for who calls, who may be a model or a person that watches it, and not the worker's own log: it says nothing that the
    /// caller may not know. It is sent in the order of writing and before the call's answer, to platforms that know of it and to
    /// clients of a local server. A gateway passes it on to clients of the Model Context Protocol that asked for a log, and to who
    /// reads a call over REST as a stream; agents are not told.
    ///
    /// Entries that come faster than they are taken, past 64 that wait, are left out, those first that matter least; the log then
    /// says how many. Others are lost with their socket.
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
        let entry = || Entry { level, message: cut(message.as_ref(), MAX_MESSAGE_BYTES).to_owned() };
        self.say(|wanted| wanted.log, |said| said.put_entry(entry()));
    }
}

/// An entry of a call's log. `Debug` shows the length of its message, not the text.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) level: LogLevel,
    pub(crate) message: String,
}

impl Entry {
    /// Says that some entries are missing.
    pub(super) fn left_out(count: usize) -> Self {
        let message = format!("{count} entries of the log were left out: they came faster than they could be sent");
        Self { level: LogLevel::Warning, message }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, message } = self;
        f.debug_struct("Entry").field("level", level).field("message_bytes", &message.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::notifications::tests::call;
    use super::*;

    #[test]
    fn a_long_message_is_cut_and_stays_out_of_debug() {
        let (ctx, _outlet, _saying) = call(true, true);
        ctx.log(LogLevel::Info, "é".repeat(8 * 1024));
        let entry = &ctx.take_said().expect("it is kept").log[0];
        assert_eq!(entry.message.len(), MAX_MESSAGE_BYTES);
        assert_eq!(format!("{entry:?}"), "Entry { level: Info, message_bytes: 8192 }");
    }
}
