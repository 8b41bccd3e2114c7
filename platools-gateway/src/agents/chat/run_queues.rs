//! [`RunQueues`]: lets the runs of each conversation take turns, and refuses a message when too many wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::ConversationId;
use crate::domain::lock::lock;
use crate::settings::WhenBusy;

/// The number of messages that wait in a conversation, including the one that the agent answers.
pub(super) const WAITING: usize = 16;

/// The wait before a refused client may try again.
const SOON: Duration = Duration::from_secs(1);

/// The queue of runs of each conversation that an agent answers now.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunQueues(Arc<StdMutex<HashMap<ConversationId, RunQueue>>>);

/// The requests for a turn in one conversation.
#[derive(Debug, Default)]
struct RunQueue {
    places: usize,
    /// A fair lock: the first request gets the first turn.
    turn: Arc<Mutex<()>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct RunTurn {
    _turn: OwnedMutexGuard<()>,
    _place: RunPlace,
}

/// A request's place in a queue. A conversation leaves the table with its last place.
#[derive(Debug)]
struct RunPlace {
    runs: RunQueues,
    conversation: ConversationId,
}

impl RunQueues {
    /// Waits for a turn in a conversation.
    pub(super) async fn turn(&self, conversation: &ConversationId, busy: WhenBusy) -> Result<RunTurn, Error> {
        let (place, turn) = self.place(conversation, busy)?;
        Ok(RunTurn { _turn: turn.lock_owned().await, _place: place })
    }

    fn place(&self, conversation: &ConversationId, busy: WhenBusy) -> Result<(RunPlace, Arc<Mutex<()>>), Error> {
        let mut queues = self.lock();
        let queue = queues.entry(conversation.clone()).or_default();
        match (queue.places, busy) {
            (0, _) => {}
            (WAITING.., _) => return Err(refused("too many messages wait in this conversation")),
            (_, WhenBusy::Refuse) => return Err(refused("this conversation is being answered")),
            (_, WhenBusy::Queue) => {}
        }
        queue.places += 1;
        let place = RunPlace { runs: self.clone(), conversation: conversation.clone() };
        Ok((place, Arc::clone(&queue.turn)))
    }

    /// The number of requests that wait for a turn in a conversation, or have it.
    #[cfg(test)]
    pub(super) fn waiting(&self, conversation: &ConversationId) -> usize {
        self.lock().get(conversation).map_or(0, |queue| queue.places)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, RunQueue>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.0)
    }
}

impl Drop for RunPlace {
    fn drop(&mut self) {
        let mut queues = self.runs.lock();
        if let Some(queue) = queues.get_mut(&self.conversation) {
            queue.places -= 1;
            if queue.places == 0 {
                queues.remove(&self.conversation);
            }
        }
    }
}

pub(super) fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Busy, format!("{message}; try again when it is over")).retry_after(SOON)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn turns_are_taken_in_the_order_of_arrival() {
        let (runs, id) = (RunQueues::default(), ConversationId::from("a"));
        let first = runs.turn(&id, WhenBusy::Queue).await.unwrap();
        let mut second = Box::pin(runs.turn(&id, WhenBusy::Queue));
        let mut third = Box::pin(runs.turn(&id, WhenBusy::Queue));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        assert!(
            runs.turn(&"b".into(), WhenBusy::Refuse).now_or_never().unwrap().is_ok(),
            "others have turns of their own"
        );
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.now_or_never().unwrap().unwrap();
        drop(second);
        drop(third.now_or_never().unwrap().unwrap());
        assert!(runs.lock().is_empty());
    }

    #[tokio::test]
    async fn one_that_gives_up_leaves_its_place() {
        let (runs, id) = (RunQueues::default(), ConversationId::from("a"));
        let first = runs.turn(&id, WhenBusy::Queue).await.unwrap();
        let mut waiting: Vec<_> = (1..WAITING).map(|_| Box::pin(runs.turn(&id, WhenBusy::Queue))).collect();
        for turn in &mut waiting {
            assert!(turn.as_mut().now_or_never().is_none());
        }
        let refused = runs.turn(&id, WhenBusy::Queue).now_or_never().unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.wait()), (ErrorKind::Busy, Some(SOON)));
        drop(waiting.pop());
        assert!(runs.turn(&id, WhenBusy::Queue).now_or_never().is_none(), "it waits");
        drop((waiting, first));
        assert!(runs.lock().is_empty());
    }

    #[tokio::test]
    async fn a_busy_conversation_refuses_if_told_so() {
        let (runs, id) = (RunQueues::default(), ConversationId::from("a"));
        let turn = runs.turn(&id, WhenBusy::Refuse).await.unwrap();
        assert_eq!(runs.turn(&id, WhenBusy::Refuse).await.unwrap_err().kind(), ErrorKind::Busy);
        drop(turn);
        runs.turn(&id, WhenBusy::Refuse).await.unwrap();
    }
}
