//! [`SessionWriter`]: the task that stores sessions, memberships and messages of channels.
//!
//! The task writes all queued changes in one transaction. After that it changes the state in memory and sends events, in the same
//! order, so that the store and the events never contradict each other, even if the client that asked for a change is gone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::events;
use super::session::ActiveSession;
use super::shared_sessions::{SharedSessions, raw};
use super::socket_queue::SocketEnd;
use crate::background::tasks::Tasks;
use crate::domain::channel::{ChannelBounds, StoredChannel, StoredChannelMessage};
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::domain::ids::{AgentId, ChannelId, ProjectId, SessionId};
use crate::domain::lock::lock;
use crate::domain::number::saturating_i64;
use crate::domain::session::{SessionWrite, StoredSession, WriteEffect};
use crate::ports::session_fan_out::{SessionHeartbeat, SessionUpdate};
use crate::ports::sessions::SessionStore;
use crate::ports::store::{is_conflict, is_database_failure};
use crate::ports::time::now_ms;
use crate::settings::RuntimeSettings;

/// The number of changes that wait. Further ones are refused.
const WAITING: usize = 4096;

/// The number of changes that are written at once.
const BATCH: usize = 256;

/// The longest time of the last write when the gateway stops.
const LAST_WRITE: Duration = Duration::from_secs(8);

/// Queues changes for the task, which ends when this is dropped.
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

    pub(super) fn start(store: Arc<dyn SessionStore>, shared: Arc<SharedSessions>, tasks: &Tasks) -> Self {
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

    /// Queues a change whose outcome does not matter, unless too many wait.
    pub(super) fn send(&self, change: SessionChange) -> Result<(), Error> {
        self.queue(WriteCommand { change, reply: None })
    }

    /// Queues a change, and waits until it is written. Returns the time of the write.
    pub(super) async fn write(&self, change: SessionChange) -> Result<i64, Error> {
        let (reply, written) = oneshot::channel();
        self.queue(WriteCommand { change, reply: Some(reply) })?;
        // The task panicked, or was aborted at the end.
        written.await.unwrap_or_else(|_| Err(self.unwritten()))
    }

    fn queue(&self, command: WriteCommand) -> Result<(), Error> {
        let commands = lock(&self.commands);
        let commands = commands.as_ref().ok_or_else(stopping)?;
        commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                let message = "the gateway has too much to write at the moment; try again later";
                Error::new(ErrorKind::RateLimited, message).retry_after(Duration::from_secs(1))
            }
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })
    }

    /// The error for a change whose outcome is not known.
    fn unwritten(&self) -> Error {
        match *lock(&self.commands) {
            Some(_) => Error::new(ErrorKind::Storage, "the gateway failed while it wrote this; try again"),
            None => stopping(),
        }
    }

    /// Refuses further changes, and waits until all are written, up to a deadline.
    pub(super) async fn close(&self) {
        drop(lock(&self.commands).take());
        let task = lock(&self.task).take();
        if let Some(task) = task
            && timeout(LAST_WRITE, task).await.is_err()
        {
            tracing::error!("sessions and messages not stored before the deadline");
        }
    }
}

/// A change of sessions or channels.
pub(super) enum SessionChange {
    Begin(StoredSession),
    End {
        project: ProjectId,
        agent: AgentId,
        session: SessionId,
    },
    /// Ends a session that nobody has heard from since some time.
    EndSilent {
        session: StoredSession,
        heard_ms: i64,
    },
    /// Removes a session that has ended in memory.
    Forget {
        agent: AgentId,
        session: SessionId,
    },
    Join {
        agent: AgentId,
        channel: ChannelId,
    },
    Leave {
        project: ProjectId,
        agent: AgentId,
        channel: ChannelId,
    },
    Message {
        channel: StoredChannel,
        message: StoredChannelMessage,
    },
    RemoveChannel(ChannelId),
    Heartbeats(Vec<(SessionId, AgentId, i64)>),
    /// Makes the task panic.
    #[cfg(test)]
    Panic,
}

/// A queued change.
struct WriteCommand {
    change: SessionChange,
    /// The receiver of the outcome, which is the time of the write.
    reply: Option<oneshot::Sender<Result<i64, Error>>>,
}

fn stopping() -> Error {
    Error::new(ErrorKind::Interrupted, "the gateway is stopping; connect again and try again")
}

async fn run(store: Arc<dyn SessionStore>, shared: Arc<SharedSessions>, waiting: &mut mpsc::Receiver<WriteCommand>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        write(&*store, &shared, &mut batch).await;
    }
    // Heartbeats since the last write of them.
    batch.push(WriteCommand { change: SessionChange::Heartbeats(shared.table().take_heartbeats()), reply: None });
    write(&*store, &shared, &mut batch).await;
}

async fn write(store: &dyn SessionStore, shared: &SharedSessions, batch: &mut Vec<WriteCommand>) {
    let (bounds, now_ms) = (channel_bounds(&shared.settings), now_ms());
    match try_write(store, batch, bounds, now_ms).await {
        Ok(written) => apply(shared, batch.drain(..), written, now_ms),
        // One by one, so that a change that the database refuses fails alone, and changes that lost against another transaction are made.
        Err(error) if is_conflict(&error) || batch.len() > 1 && !is_database_failure(&error) => {
            for command in batch.drain(..) {
                let mut alone = [command];
                match try_write(store, &mut alone, bounds, now_ms).await {
                    Ok(written) => apply(shared, alone, written, now_ms),
                    Err(error) => fail(alone, &error),
                }
            }
        }
        Err(error) => fail(batch.drain(..), &error),
    }
}

/// Writes all or nothing. Returns the effect of each change.
async fn try_write(
    store: &dyn SessionStore,
    batch: &mut [WriteCommand],
    bounds: ChannelBounds,
    now_ms: i64,
) -> Result<Vec<WriteEffect>, Error> {
    let writes: Vec<_> = batch.iter_mut().map(|command| command.change.prepare_write(now_ms)).collect();
    store.write_sessions(&writes, bounds).await
}

fn apply(
    shared: &SharedSessions,
    commands: impl IntoIterator<Item = WriteCommand>,
    written: Vec<WriteEffect>,
    now_ms: i64,
) {
    for (WriteCommand { change, reply }, effect) in commands.into_iter().zip(written) {
        let outcome = change.apply(shared, effect).map(|()| now_ms);
        // The receiver may be gone.
        let _ = reply.map(|reply| reply.send(outcome));
    }
}

fn fail(commands: impl IntoIterator<Item = WriteCommand>, error: &Error) {
    tracing::error!(%error, causes = causes_of(error), "sessions or messages not stored");
    for reply in commands.into_iter().filter_map(|command| command.reply) {
        let _ = reply.send(Err(Error::new(ErrorKind::Storage, "the gateway's database failed")));
    }
}

impl SessionChange {
    /// The change as the store takes it. A message gets the time of its write.
    fn prepare_write(&mut self, now_ms: i64) -> SessionWrite<'_> {
        match self {
            Self::Begin(session) => SessionWrite::Put(session),
            Self::End { agent, session, .. } | Self::Forget { agent, session } => {
                SessionWrite::Remove { agent, session }
            }
            Self::Join { agent, channel } => SessionWrite::Join { channel, agent, now_ms },
            Self::Leave { agent, channel, .. } => SessionWrite::Leave { channel, agent, now_ms },
            Self::Message { channel, message } => {
                message.created_ms = now_ms;
                SessionWrite::Message { channel: &channel.id, message }
            }
            Self::EndSilent { session, heard_ms } => {
                SessionWrite::RemoveSilent { agent: &session.agent_id, session: &session.id, heard_ms: *heard_ms }
            }
            Self::RemoveChannel(channel) => SessionWrite::RemoveChannel(channel),
            Self::Heartbeats(heartbeats) => SessionWrite::Heartbeats(heartbeats),
            #[cfg(test)]
            Self::Panic => panic!("for the test"),
        }
    }

    /// Applies the written change to the state in memory, sends its events, and tells the other gateways.
    fn apply(self, shared: &SharedSessions, effect: WriteEffect) -> Result<(), Error> {
        let update = self.apply_here(shared, effect)?;
        if let (Some(update), Some(fan_out)) = (update, &shared.fan_out) {
            fan_out.publish(update);
        }
        Ok(())
    }

    fn apply_here(self, shared: &SharedSessions, effect: WriteEffect) -> Result<Option<SessionUpdate>, Error> {
        Ok(match (self, effect) {
            (Self::Begin(session), WriteEffect::Began(generation)) => {
                shared.clock.observe(generation);
                let session = StoredSession { generation, ..session };
                shared.table().begin(ActiveSession::from(session.clone()));
                Some(SessionUpdate::Began(session))
            }
            (Self::Begin(_), _) => {
                return Err(Error::new(ErrorKind::Unauthenticated, "the agent has been removed"));
            }
            (Self::Message { channel, message }, WriteEffect::Sent { position }) => {
                let text = events::message(&channel, &message);
                shared.take_message(&channel.id, position, &text);
                let is_shared = shared.fan_out.is_some();
                is_shared.then(|| SessionUpdate::Message { channel: channel.id, position, event: raw(&text) })
            }
            (Self::Message { channel, .. }, _) => return Err(channel.not_a_member()),
            // It may have ended in another way meanwhile.
            (Self::End { project, agent, session }, _) => {
                drop(shared.table().end(&project, &agent, Some(&session), SocketEnd::Disconnected));
                Some(SessionUpdate::Ended { project, agent, session, has_timed_out: false })
            }
            (Self::EndSilent { session, .. }, WriteEffect::Made) => {
                let StoredSession { project_id: project, agent_id: agent, id: session, .. } = session;
                tracing::info!(agent.id = %agent, "agent session timed out");
                drop(shared.table().end(&project, &agent, Some(&session), SocketEnd::SessionTimedOut));
                Some(SessionUpdate::Ended { project, agent, session, has_timed_out: true })
            }
            // Another gateway has heard from it, and its message to this one was lost. Silence begins once more.
            (Self::EndSilent { session, .. }, _) => {
                shared.table().note_heartbeat(&SessionHeartbeat::from(&session));
                None
            }
            (Self::Leave { project, agent, channel }, _) => {
                shared.table().depart(&project, &agent, &channel);
                Some(SessionUpdate::Left { project, agent, channel })
            }
            (Self::RemoveChannel(channel), _) => {
                shared.table().remove_channel(&channel);
                Some(SessionUpdate::ChannelRemoved(channel))
            }
            (Self::Forget { .. } | Self::Join { .. } | Self::Heartbeats(_), _) => None,
            #[cfg(test)]
            (Self::Panic, _) => None,
        })
    }
}

/// The bounds of channels, as the database takes them.
fn channel_bounds(settings: &RuntimeSettings) -> ChannelBounds {
    ChannelBounds {
        messages: i64::from(settings.channel_history),
        bytes: saturating_i64(settings.max_channel_bytes),
        project_bytes: saturating_i64(settings.max_project_bytes),
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
            writer.send(SessionChange::Heartbeats(Vec::new())).unwrap();
        }
        let refused = writer.send(SessionChange::Heartbeats(Vec::new())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
        assert!(refused.wait().is_some());
    }
}
