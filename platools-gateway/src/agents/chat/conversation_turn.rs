//! [`ConversationTurn`]: the turn of a run in its conversation. A gateway that is alone has the queues in memory, and several gateways share
//! them.

use super::run_queues::RunTurn;
use super::stored_run_queues::StoredRunTurn;
use crate::domain::conversation::ConversationBounds;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::ConversationId;
use crate::domain::message::Message;
use crate::ports::conversations::ConversationStore;
use crate::ports::time::now_ms;

/// The turn of a run, until it is dropped.
#[derive(Debug)]
pub(super) enum ConversationTurn {
    /// The turn among the runs of this gateway, which is alone.
    Own(#[expect(dead_code, reason = "it is kept, not used")] RunTurn),
    /// The turn among the runs of all gateways.
    Shared(StoredRunTurn),
}

impl ConversationTurn {
    /// Stores messages of the run. A run that has lost its turn stores none.
    pub(super) async fn add_messages(
        &self,
        store: &dyn ConversationStore,
        id: &ConversationId,
        messages: &[Message],
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        match self {
            Self::Own(_) => store.add_messages(id, messages, now_ms(), bounds).await,
            Self::Shared(turn) => store.add_messages_of_run((id, turn.run()), messages, now_ms(), bounds).await,
        }
    }

    /// Does some work of the run. Ends it if another gateway took the turn.
    pub(super) async fn keep<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Self::Shared(turn) = self else { return work.await };
        tokio::select! {
            biased;
            ended = work => ended,
            () = turn.lost() => Err(lost_turn()),
        }
    }
}

fn lost_turn() -> Error {
    let message = "another gateway took the turn in this conversation, because this one did not reach the database in time; read the \
                   conversation, and send the message again if it has no answer";
    Error::new(ErrorKind::Interrupted, message)
}
