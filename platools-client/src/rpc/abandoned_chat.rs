//! [`Abandonment`]: the state of a chat whose reply the application no longer waits for. The gateway is asked once to abort the run, and
//! the next chat waits a limited time for the run to end.

use std::time::Duration;

use tokio::time::Instant;

use platools_protocol::rpc::ChatAbort;

/// The longest wait for the end of an abandoned chat; then the next chat may begin.
const ABANDONED_LIMIT: Duration = Duration::from_secs(10);

/// A chat that the application has dropped, and that has not ended yet.
#[derive(Debug)]
pub(super) struct Abandonment {
    until: Instant,
    is_told: bool,
}

impl Abandonment {
    pub(super) fn begin(now: Instant) -> Self {
        Self { until: now + ABANDONED_LIMIT, is_told: false }
    }

    /// Returns the request that aborts the run; `None` if it was returned before, or if neither the run nor its conversation is known yet.
    /// A run that waits for its turn has no id, but its conversation has one.
    pub(super) fn abort(
        &mut self,
        run_id: Option<&str>,
        session_id: impl FnOnce() -> Option<String>,
    ) -> Option<ChatAbort> {
        if self.is_told {
            return None;
        }
        let abort = match run_id {
            Some(run_id) => ChatAbort::new(run_id),
            None => ChatAbort::of_session(session_id()?),
        };
        self.is_told = true;
        Some(abort)
    }

    /// The end of the wait.
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_asked_once_as_soon_as_the_run_or_its_conversation_is_known() {
        let mut abandonment = Abandonment::begin(Instant::now());
        assert!(abandonment.abort(None, || None).is_none());
        let abort = abandonment.abort(None, || Some("conversation".to_owned())).expect("its conversation is known");
        assert_eq!(abort.session_id.as_deref(), Some("conversation"));
        assert!(abandonment.abort(Some("run"), || None).is_none());
    }
}
