//! `Stage`: tells how far a call came on its way to its worker: queued, sent, returned unsent, or lost. `Loss` is a link that ended while
//! it had a call; the error for the call's caller is here.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::LinkId;

/// The place of a call on its way to the worker. It changes under the lock of the table alone.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// No link has the call yet.
    Open,
    /// The call waits for this link's socket, so it has certainly not run.
    Queued { link: LinkId },
    /// This link's task took the call off the queue, and its socket does not have the call yet.
    Taken { link: LinkId },
    /// This link's socket has the call. Whether it reached the worker is not known any more.
    Sent { link: LinkId },
    /// The link ended, or its worker stopped, before the socket had the call: it has certainly not run.
    Returned(Arc<RequeueTurn>),
    /// The link that had the call ended.
    Lost(Loss),
}

/// The end of a link, as far as it matters to its calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LinkEnd {
    /// The wait for the answers of a worker that does not send them again. None for workers that do.
    pub(crate) answer_wait: Option<Duration>,
    /// True if the worker sent a frame that was too large.
    pub(crate) is_for_large_frame: bool,
    /// True if the worker closed the link because it stops.
    pub(crate) has_stopped: bool,
    /// The worker's process, if the link of another one shows that this one is gone.
    pub(crate) instance: Option<String>,
}

/// The reason for which a call has no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LossCause {
    /// The link ended.
    Ended,
    /// The worker stopped.
    Stopped,
    /// The link ended, and another process of the worker connected.
    Replaced,
}

/// A link that ended with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    /// The time of its end.
    pub(super) at: Instant,
    cause: LossCause,
    /// The wait for the answer, if the worker hardly sends it again.
    pub(super) answer_wait: Option<Duration>,
    /// True if the worker sends the answer when it comes back.
    pub(crate) may_be_answered: bool,
    /// The time at which the call was queued at the link. Links that were attached since then may be the same worker's.
    pub(crate) queued: Instant,
}

impl Loss {
    pub(super) fn of(end: &LinkEnd, queued: Option<Instant>) -> Self {
        let (at, answer_wait) = (Instant::now(), end.answer_wait);
        let cause = if end.has_stopped { LossCause::Stopped } else { LossCause::Ended };
        Self { at, cause, answer_wait, may_be_answered: answer_wait.is_none(), queued: queued.unwrap_or(at) }
    }

    /// The same once another process has taken the worker's place: its answer is waited for that much longer at most.
    pub(super) fn replaced(self, wait: Duration) -> Self {
        let wait = self.at.elapsed().saturating_add(wait);
        let answer_wait = self.answer_wait.map_or(wait, |before| before.min(wait));
        Self { cause: LossCause::Replaced, answer_wait: Some(answer_wait), ..self }
    }

    /// The moment at which a call is given up that waits so long for its worker. None if that is beyond all time.
    pub(super) fn end(&self, worker_return: Duration) -> Option<Instant> {
        self.at.checked_add(self.wait(worker_return))
    }

    /// The error of a call that is given up after that wait.
    pub(super) fn error(&self, worker_return: Duration) -> Error {
        let happened = match self.cause {
            LossCause::Ended => {
                let wait = self.wait(worker_return);
                format!("the connection of the tool's worker ended while it had the call, and the worker did not come back with the answer within {wait:?}")
            }
            LossCause::Stopped => "the tool's worker stopped before it answered the call".to_owned(),
            LossCause::Replaced => {
                "the connection of the tool's worker ended while it had the call, and another process took the worker's place".to_owned()
            }
        };
        Error::new(ErrorKind::WorkerLost, format!("{happened}; the call may have run"))
    }

    fn wait(&self, worker_return: Duration) -> Duration {
        self.answer_wait.map_or(worker_return, |wait| wait.min(worker_return))
    }
}

/// The place of a returned call among those of its link and tool. They are queued elsewhere in the order in which they were made.
///
/// The next one's turn comes when this is dropped: once the call is queued again, or has ended.
#[derive(Debug)]
pub(crate) struct RequeueTurn {
    returned: Instant,
    before: Option<CancellationToken>,
    _done: DropGuard,
}

impl RequeueTurn {
    /// The turn of a call that waits for no other.
    pub(super) fn alone() -> Self {
        Self::after(None).0
    }

    /// A place behind the call whose turn ends with `before`; and the token that the next one waits for.
    pub(super) fn after(before: Option<CancellationToken>) -> (Self, CancellationToken) {
        let done = CancellationToken::new();
        (Self { returned: Instant::now(), before, _done: done.clone().drop_guard() }, done)
    }

    /// The time at which the call was returned.
    pub(crate) fn returned(&self) -> Instant {
        self.returned
    }

    /// Waits until the calls before this one are queued or have ended. Cancel-safe.
    pub(crate) async fn comes(&self) {
        if let Some(before) = &self.before {
            before.cancelled().await;
        }
    }
}
