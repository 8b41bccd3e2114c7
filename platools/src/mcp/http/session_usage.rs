//! [`SessionUsage`]: counts the requests, calls and streams that use an MCP session, so that a server finds idle sessions.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

/// Counts the uses of a session.
#[derive(Debug)]
pub struct SessionUsage(watch::Sender<Usage>);

/// The uses of a session.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    work: usize,
    streams: usize,
    /// The time of the last change.
    pub since: Instant,
}

/// A kind of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageKind {
    /// A request until its answer is read, or a call, whether its answer is read or not.
    Work,
    /// A stream of notices, or the rest of a stream that was lost.
    Stream,
}

/// A use of a session, until it is dropped.
#[derive(Debug)]
pub struct SessionUse {
    usage: Arc<SessionUsage>,
    kind: UsageKind,
}

impl SessionUsage {
    /// The usage of a session that is not used yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Usage { work: 0, streams: 0, since: Instant::now() })))
    }

    /// The usage now.
    #[must_use]
    pub fn now(&self) -> Usage {
        *self.0.borrow()
    }

    /// The usage and its changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Usage> {
        self.0.subscribe()
    }

    /// Counts a use.
    #[must_use]
    pub fn begin(self: &Arc<Self>, kind: UsageKind) -> SessionUse {
        self.count(kind, |count| *count += 1);
        SessionUse { usage: Arc::clone(self), kind }
    }

    fn count(&self, kind: UsageKind, change: impl FnOnce(&mut usize)) {
        self.0.send_modify(|usage| {
            change(match kind {
                UsageKind::Work => &mut usage.work,
                UsageKind::Stream => &mut usage.streams,
            });
            usage.since = Instant::now();
        });
    }
}

impl Usage {
    /// True if the session has no call and no listener.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_done() && self.streams == 0
    }

    /// True if every request is answered and every call is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.work == 0
    }
}

impl Drop for SessionUse {
    fn drop(&mut self) {
        self.usage.count(self.kind, |count| *count -= 1);
    }
}
