//! [`LocalSessions`]: keeps the MCP sessions of a local server's clients. A session lasts until the client ends it, it is idle for too
//! long, or a new session needs its place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::transport::streamable_http_server::session::SessionId;

use crate::mcp::Revision;
use crate::mcp::http::{SessionRefused, SessionStreams, SessionTable, SessionUsage, SessionUse, UsageKind};

/// The sessions of a server.
#[derive(Debug)]
pub(super) struct LocalSessions {
    max: usize,
    idle: Duration,
    open: Mutex<HashMap<SessionId, OpenSession>>,
}

#[derive(Debug)]
struct OpenSession {
    streams: SessionStreams,
    usage: Arc<SessionUsage>,
}

impl LocalSessions {
    /// Makes room for `max` sessions, each of which ends when it is idle for `idle`.
    pub(super) fn new(max: usize, idle: Duration) -> Arc<Self> {
        Arc::new(Self { max, idle, open: Mutex::default() })
    }

    /// True if there is no room for another session, and none that could be made.
    pub(super) fn have_no_room(&self) -> bool {
        let open = self.lock();
        open.len() >= self.max && !open.values().any(|session| session.usage.now().is_idle())
    }

    /// Notes a use of a session. `None` if there is no such session.
    pub(super) fn used(&self, id: &str, kind: UsageKind) -> Option<SessionUse> {
        let open = self.lock();
        open.get(id).filter(|session| !session.is_expired(self.idle)).map(|session| session.usage.begin(kind))
    }

    /// The revision that a session was begun in.
    pub(super) fn revision(&self, id: &str) -> Option<Revision> {
        self.lock().get(id)?.streams.revision()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, OpenSession>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionTable for LocalSessions {
    fn replay_bytes(&self) -> usize {
        REPLAY_BYTES
    }

    /// Ends sessions that expired, and the idlest one where there is no room: many clients go without a word.
    fn admit(&self, id: &SessionId, streams: SessionStreams) -> Result<Vec<SessionStreams>, SessionRefused> {
        let mut open = self.lock();
        let expired: Vec<_> =
            open.iter().filter(|(_, session)| session.is_expired(self.idle)).map(|(id, _)| Arc::clone(id)).collect();
        let mut ended: Vec<_> = expired.iter().filter_map(|id| open.remove(id)).collect();
        if open.len() >= self.max {
            let idle = open.iter().filter(|(_, session)| session.usage.now().is_idle());
            let idlest = idle.min_by_key(|(_, session)| session.usage.now().since).map(|(id, _)| Arc::clone(id));
            let idlest = idlest.and_then(|id| open.remove(&id)).ok_or(SessionRefused)?;
            tracing::debug!("idle session ended to make room");
            ended.push(idlest);
        }
        open.insert(Arc::clone(id), OpenSession { streams, usage: SessionUsage::new() });
        Ok(ended.into_iter().map(|session| session.streams).collect())
    }

    fn find(&self, id: &SessionId) -> Option<SessionStreams> {
        let open = self.lock();
        open.get(id).filter(|session| !session.is_expired(self.idle)).map(|session| session.streams.clone())
    }

    fn remove(&self, id: &SessionId) -> Option<SessionStreams> {
        self.lock().remove(id).map(|session| session.streams)
    }
}

impl OpenSession {
    fn is_expired(&self, idle: Duration) -> bool {
        let usage = self.usage.now();
        usage.is_idle() && usage.since.elapsed() >= idle
    }
}

/// The bytes of messages that one session keeps for a client that comes back: 1 MiB.
const REPLAY_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use rmcp::transport::streamable_http_server::session::SessionManager as _;

    use super::*;
    use crate::mcp::http::Sessions;

    const IDLE: Duration = Duration::from_secs(3600);

    async fn opened(sessions: &Sessions<LocalSessions>) -> SessionId {
        tokio::time::advance(Duration::from_secs(1)).await;
        sessions.create_session().await.expect("there is room").0
    }

    #[tokio::test(start_paused = true)]
    async fn the_session_that_was_idle_for_the_longest_makes_room() {
        let table = LocalSessions::new(3, IDLE);
        let sessions = Sessions(Arc::clone(&table));
        let (first, second, third) = (opened(&sessions).await, opened(&sessions).await, opened(&sessions).await);
        assert!(!table.have_no_room());
        let used = |id: &SessionId| table.used(id, UsageKind::Work);
        let busy = used(&first).expect("it is open");
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(used(&second));
        let fourth = opened(&sessions).await;
        assert!(used(&third).is_none(), "the second was used since, and the first is in use");
        assert!(!sessions.has_session(&third).await.expect("an answer"));
        let uses = [&second, &fourth].map(|id| used(id).expect("it is open"));
        assert!(table.have_no_room());
        assert!(sessions.create_session().await.is_err(), "all are in use");
        drop((busy, uses));
        sessions.close_session(&second).await.expect("closed");
        for _ in 0..5 {
            opened(&sessions).await;
        }
        assert_eq!(table.lock().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_nobody_used_for_long_is_not_there_any_more() {
        let table = LocalSessions::new(3, IDLE);
        let sessions = Sessions(Arc::clone(&table));
        let (idle, used) = (opened(&sessions).await, opened(&sessions).await);
        let busy = table.used(&used, UsageKind::Stream).expect("it is open");
        tokio::time::advance(IDLE).await;
        assert_eq!((table.find(&idle).is_some(), table.find(&used).is_some()), (false, true));
        drop(busy);
        opened(&sessions).await;
        assert_eq!(table.lock().len(), 2);
    }
}
