//! [`SessionWriter`]: the task that stores sessions, memberships and messages of channels.
//!
//! It stores all queued commands in one transaction, and then changes the state in memory and sends events in the same order. So the store and
//! the events agree, even if the client that sent a command is gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::lifecycle::SessionView;
use super::queue::SocketEnd;
use super::session::ActiveSession;
use super::{SharedState, events};
use crate::background::tasks::Tasks;
use crate::domain::channel::{ChannelBounds, StoredChannel, StoredChannelMessage};
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::domain::ids::{AgentId, ChannelId, ProjectId, SessionId};
use crate::domain::session::{SessionWrite, StoredSession};
use crate::ports::sessions::SessionStore;
use crate::ports::store::is_database_failure;
use crate::ports::time::now_ms;
use crate::settings::RuntimeSettings;

/// The number of commands that wait. Further ones are refused.
const WAITING: usize = 4096;

/// The number of commands that are written at once.
const BATCH: usize = 256;

/// The time that the last write may take when the gateway stops.
const LAST_WRITE: Duration = Duration::from_secs(8);

/// A change to be written, and the notice that follows it.
pub(super) enum WriteCommand {
    Connect {
        session: StoredSession,
        reply: WriteReply<SessionView>,
    },
    Disconnect {
        project: ProjectId,
        agent: AgentId,
        session: SessionId,
        reply: WriteReply<()>,
    },
    /// Removes a session that has ended in memory.
    Forget {
        agent: AgentId,
        session: SessionId,
    },
    Join {
        agent: AgentId,
        channel: ChannelId,
        reply: WriteReply<()>,
    },
    Leave {
        project: ProjectId,
        agent: AgentId,
        channel: ChannelId,
        reply: WriteReply<()>,
    },
    Say {
        channel: StoredChannel,
        message: StoredChannelMessage,
        reply: WriteReply<StoredChannelMessage>,
    },
    RemoveChannel {
        channel: ChannelId,
        reply: WriteReply<()>,
    },
    Heartbeats(Vec<(SessionId, AgentId, i64)>),
    /// Makes the task panic.
    #[cfg(test)]
    Panic,
}

pub(super) type WriteReply<T> = oneshot::Sender<Result<T, Error>>;

/// The owner of the task. Dropped, it ends the task.
pub(super) struct SessionWriter {
    /// None if there is no task, or it is about to end.
    commands: Mutex<Option<mpsc::Sender<WriteCommand>>>,
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl std::fmt::Debug for SessionWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionWriter").finish_non_exhaustive()
    }
}

impl SessionWriter {
    pub(super) fn closed() -> Self {
        Self { commands: Mutex::new(None), task: Mutex::new(None) }
    }

    pub(super) fn start(store: Arc<dyn SessionStore>, shared: Arc<SharedState>, tasks: &Tasks) -> Self {
        let (commands, waiting) = mpsc::channel(WAITING);
        // Owned by the task across restarts, so that queued commands outlive a panic.
        let waiting = Arc::new(AsyncMutex::new(waiting));
        let begin = move || {
            let (store, shared, waiting) = (Arc::clone(&store), Arc::clone(&shared), Arc::clone(&waiting));
            async move { run(store, shared, &mut *waiting.lock().await).await }
        };
        let task = tasks.keep("sessions writer", begin);
        Self { commands: Mutex::new(Some(commands)), task: Mutex::new(Some(task)) }
    }

    /// Queues a command, unless too many wait.
    pub(super) fn send(&self, command: WriteCommand) -> Result<(), Error> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = commands.as_ref().ok_or_else(stopping)?;
        commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                let message = "the gateway has too much to write at the moment; try again later";
                Error::new(ErrorKind::RateLimited, message).retry_after(std::time::Duration::from_secs(1))
            }
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })
    }

    /// Queues a command, and waits for its reply.
    pub(super) async fn ask<T>(&self, command: impl FnOnce(WriteReply<T>) -> WriteCommand) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply))?;
        // The task panicked, or was aborted at the end.
        answer.await.unwrap_or_else(|_| Err(self.unwritten()))
    }

    /// The error for a command whose outcome is not known.
    fn unwritten(&self) -> Error {
        match *self.commands.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(_) => Error::new(ErrorKind::Storage, "the gateway failed while it wrote this; try again"),
            None => stopping(),
        }
    }

    /// Refuses further commands, and waits until all are written, or that takes too long.
    pub(super) async fn close(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && timeout(LAST_WRITE, task).await.is_err()
        {
            tracing::error!("sessions and messages not written before the deadline");
        }
    }
}

fn stopping() -> Error {
    Error::new(ErrorKind::Interrupted, "the gateway is stopping; connect again and try again")
}

async fn run(store: Arc<dyn SessionStore>, shared: Arc<SharedState>, waiting: &mut mpsc::Receiver<WriteCommand>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        write(&*store, &shared, &mut batch).await;
    }
    // Heartbeats that came since the last write of them.
    batch.push(WriteCommand::Heartbeats(shared.state().take_heartbeats()));
    write(&*store, &shared, &mut batch).await;
}

async fn write(store: &dyn SessionStore, shared: &SharedState, batch: &mut Vec<WriteCommand>) {
    let bounds = channel_bounds(&shared.settings);
    match try_write(store, batch, bounds).await {
        Ok(written) => apply(shared, batch.drain(..), written),
        // One by one, so that a command that the database refuses fails alone.
        Err(error) if batch.len() > 1 && !is_database_failure(&error) => {
            for command in batch.drain(..) {
                let mut alone = [command];
                match try_write(store, &mut alone, bounds).await {
                    Ok(written) => apply(shared, alone, written),
                    Err(error) => fail(alone, &error),
                }
            }
        }
        Err(error) => fail(batch.drain(..), &error),
    }
}

fn apply(shared: &SharedState, commands: impl IntoIterator<Item = WriteCommand>, written: Vec<bool>) {
    for (command, is_done) in commands.into_iter().zip(written) {
        command.apply(shared, is_done);
    }
}

fn fail(commands: impl IntoIterator<Item = WriteCommand>, error: &Error) {
    tracing::error!(%error, causes = causes_of(error), "sessions or messages not written");
    commands.into_iter().for_each(WriteCommand::fail);
}

/// Writes all or nothing. Returns for each command whether it had an effect.
async fn try_write(
    store: &dyn SessionStore,
    batch: &mut [WriteCommand],
    bounds: ChannelBounds,
) -> Result<Vec<bool>, Error> {
    let now_ms = now_ms();
    let writes: Vec<_> = batch.iter_mut().map(|command| command.prepare_write(now_ms)).collect();
    store.write_sessions(&writes, bounds).await
}

impl WriteCommand {
    /// The change to write. A message gets the time of its write.
    fn prepare_write(&mut self, now_ms: i64) -> SessionWrite<'_> {
        match self {
            Self::Connect { session, .. } => SessionWrite::Put(session),
            Self::Disconnect { agent, session, .. } | Self::Forget { agent, session } => {
                SessionWrite::Remove { agent, session }
            }
            Self::Join { agent, channel, .. } => SessionWrite::Join { channel, agent, now_ms },
            Self::Leave { agent, channel, .. } => SessionWrite::Leave { channel, agent, now_ms },
            Self::Say { channel, message, .. } => {
                message.created_ms = now_ms;
                SessionWrite::Message { channel: &channel.id, message }
            }
            Self::RemoveChannel { channel, .. } => SessionWrite::RemoveChannel(channel),
            Self::Heartbeats(heartbeats) => SessionWrite::Heartbeats(heartbeats),
            #[cfg(test)]
            Self::Panic => panic!("for the test"),
        }
    }

    /// Applies the written command to the state in memory, and replies. The receiver may be gone.
    fn apply(self, shared: &SharedState, is_done: bool) {
        match self {
            Self::Connect { session, reply } => {
                let answer = if is_done {
                    let session = ActiveSession::from(session);
                    let view = SessionView::from(&session);
                    shared.state().begin(session);
                    Ok(view)
                } else {
                    Err(Error::new(ErrorKind::Unauthenticated, "the agent has been removed"))
                };
                let _ = reply.send(answer);
            }
            Self::Disconnect { project, agent, session, reply } => {
                // It may have ended in another way meanwhile.
                shared.state().end(&project, &agent, Some(&session), SocketEnd::Disconnected);
                let _ = reply.send(Ok(()));
            }
            Self::Forget { .. } => {}
            Self::Join { reply, .. } => drop(reply.send(Ok(()))),
            Self::Leave { project, agent, channel, reply } => {
                shared.state().depart(&project, &agent, &channel);
                let _ = reply.send(Ok(()));
            }
            Self::Say { channel, message, reply } => {
                let answer = if is_done {
                    let text = events::message(&channel, &message);
                    shared.state().publish(&channel.id, &text);
                    Ok(message)
                } else {
                    Err(super::messages::no_member(&channel))
                };
                let _ = reply.send(answer);
            }
            Self::RemoveChannel { channel, reply } => {
                shared.state().remove_channel(&channel);
                let _ = reply.send(Ok(()));
            }
            Self::Heartbeats(_) => {}
            #[cfg(test)]
            Self::Panic => {}
        }
    }

    /// Replies that the command failed.
    fn fail(self) {
        let error = || Error::new(ErrorKind::Storage, "the gateway's database failed");
        match self {
            Self::Connect { reply, .. } => drop(reply.send(Err(error()))),
            Self::Disconnect { reply, .. }
            | Self::Join { reply, .. }
            | Self::Leave { reply, .. }
            | Self::RemoveChannel { reply, .. } => {
                drop(reply.send(Err(error())));
            }
            Self::Say { reply, .. } => drop(reply.send(Err(error()))),
            Self::Forget { .. } | Self::Heartbeats(_) => {}
            #[cfg(test)]
            Self::Panic => {}
        }
    }
}

/// The bounds of channels, as the database takes them.
fn channel_bounds(settings: &RuntimeSettings) -> ChannelBounds {
    let as_i64 = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    ChannelBounds {
        messages: i64::from(settings.channel_history),
        bytes: as_i64(settings.max_channel_bytes),
        project_bytes: as_i64(settings.max_project_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_of_writes_refuses_instead_of_growing() {
        let (commands, _waiting) = mpsc::channel(WAITING);
        let writer = SessionWriter { commands: Mutex::new(Some(commands)), task: Mutex::new(None) };
        for _ in 0..WAITING {
            writer.send(WriteCommand::Heartbeats(Vec::new())).unwrap();
        }
        let refused = writer.send(WriteCommand::Heartbeats(Vec::new())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
        assert!(refused.wait().is_some());
    }
}
