//! [`BrowserSessions`]: the sessions of browsers in which somebody signed in with a key or token. The browser has a random secret in place of
//! that credential, and the session ends with the credential at the latest.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use secrecy::SecretString;
use tokio::time::Instant;

use super::browser_session_id::{BrowserSessionId, new_secret};
use super::callers::{CallerConnection, Callers};
use crate::directory::Directory;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::GatewayNumber;
use crate::domain::lock::lock;
use crate::domain::origin::RequestOrigin;
use crate::ports::remote_browser_sessions::{FoundSession, RemoteBrowserSessions, SessionUsage};
use crate::ports::time::{ms_after, now_ms};
use crate::settings::ConsoleSettings;

/// The sessions of browsers. They are in memory, so that nothing in the database opens one.
///
/// Each session is at the gateway that opened it. The other gateways of an installation ask there with each request.
#[derive(Debug)]
pub(crate) struct BrowserSessions {
    directory: Arc<Directory>,
    callers: Arc<Callers>,
    settings: ConsoleSettings,
    gateway: GatewayNumber,
    /// The other gateways, if there are any.
    remote: Option<Arc<dyn RemoteBrowserSessions>>,
    open: Mutex<HashMap<BrowserSessionId, OpenBrowserSession>>,
    /// Sessions of other gateways that opened sockets here.
    used_remote: Mutex<HashSet<BrowserSessionId>>,
}

/// A session as of one request.
#[derive(Debug, Clone)]
pub(crate) struct BrowserSession {
    id: BrowserSessionId,
    /// The caller of the credential that the session was opened with, at the origin of the request.
    pub(crate) caller: Caller,
    /// The latest end of the session, in milliseconds since 1970, if its credential does not end before.
    pub(crate) expires_ms: i64,
}

/// A session in the table.
#[derive(Debug)]
struct OpenBrowserSession {
    caller: Caller,
    opened: Instant,
    last_used: Instant,
    expires_ms: i64,
}

/// Sessions of all browsers. With more, the one that was not used for the longest time ends.
const MAX_SESSIONS: usize = 4096;

/// Sessions of one key or token. With more, its session that was not used for the longest time ends.
const MAX_SESSIONS_OF_CREDENTIAL: usize = 64;

impl BrowserSessions {
    pub(crate) fn new(
        directory: Arc<Directory>,
        callers: Arc<Callers>,
        settings: ConsoleSettings,
        (gateway, remote): (GatewayNumber, Option<Arc<dyn RemoteBrowserSessions>>),
    ) -> Self {
        let (open, used_remote) = (Mutex::default(), Mutex::default());
        Self { directory, callers, settings, gateway, remote, open, used_remote }
    }

    /// Opens a session for a caller, and returns the secret for the browser.
    pub(crate) fn open(&self, caller: &Caller) -> SecretString {
        let secret = new_secret(self.gateway);
        let now = Instant::now();
        let opened = OpenBrowserSession {
            caller: Caller { origin: RequestOrigin::default(), ..caller.clone() },
            opened: now,
            last_used: now,
            expires_ms: ms_after(self.settings.session_lifetime),
        };
        let ended = {
            let mut open = self.lock();
            let is_of_credential = |session: &OpenBrowserSession| session.caller.credential == caller.credential;
            let of_credential = idlest(&open, MAX_SESSIONS_OF_CREDENTIAL, is_of_credential);
            let ended = of_credential.or_else(|| idlest(&open, MAX_SESSIONS, |_| true));
            ended.iter().for_each(|id| drop(open.remove(id)));
            open.insert(BrowserSessionId::of(&secret), opened);
            ended
        };
        ended.iter().for_each(|id| self.callers.dismiss_session(id));
        secret
    }

    /// The session of a browser's secret, whose time without a request begins again.
    ///
    /// # Errors
    /// The session has ended, or there never was one.
    pub(crate) async fn find(&self, secret: &SecretString, from: RequestOrigin) -> Result<BrowserSession, Error> {
        let id = BrowserSessionId::of(secret);
        let FoundSession { caller, expires_ms } = self.look_up(&id, SessionUsage::Request).await.ok_or_else(ended)?;
        self.directory.last_uses().note(&caller.credential, now_ms());
        Ok(BrowserSession { id, caller: Caller { origin: from, ..caller }, expires_ms })
    }

    /// Has a connection end with the session that it was opened with.
    ///
    /// # Errors
    /// The session has ended meanwhile.
    pub(crate) fn attach(&self, presence: &CallerConnection, session: &BrowserSession) -> Result<(), Error> {
        self.callers.note_session(presence, &session.id);
        if self.remote_of(&session.id).is_some() {
            lock(&self.used_remote).insert(session.id.clone());
            return Ok(());
        }
        // The end of a session is told to the connections that are noted then. This one may have been noted after that.
        self.lock().contains_key(&session.id).then_some(()).ok_or_else(ended)
    }

    /// Ends the session of a browser's secret, with the connections that it opened.
    pub(crate) async fn close(&self, secret: &SecretString) {
        let id = BrowserSessionId::of(secret);
        match self.remote_of(&id) {
            Some(remote) => {
                if !remote.close_session(id.gateway, &id.hash).await {
                    tracing::warn!(gateway = id.gateway.get(), "session of a browser not ended at its gateway");
                }
                self.callers.dismiss_session(&id);
            }
            None => self.end(&id),
        }
    }

    /// Ends the sessions whose time or credential has ended.
    pub(crate) fn end_expired(&self) {
        let (now, snapshot, now_ms) = (Instant::now(), self.directory.snapshot(), now_ms());
        let has_ended =
            |session: &OpenBrowserSession| self.is_over(session, now) || !snapshot.may_stay(&session.caller, now_ms);
        let ended: Vec<_> = {
            let open = self.lock();
            open.iter().filter(|(_, session)| has_ended(session)).map(|(id, _)| id.clone()).collect()
        };
        ended.iter().for_each(|id| self.end(id));
    }

    /// Ends the sockets of sessions of other gateways that have ended there.
    pub(crate) async fn end_remote(&self) {
        let noted: Vec<_> = lock(&self.used_remote).iter().cloned().collect();
        for id in noted {
            let is_used = self.callers.has_session(&id);
            if is_used && self.look_up(&id, SessionUsage::Socket).await.is_some() {
                continue;
            }
            lock(&self.used_remote).remove(&id);
            self.callers.dismiss_session(&id);
        }
    }

    /// A session that this gateway opened, for another one.
    pub(crate) fn find_here(&self, hash: String, usage: SessionUsage) -> Option<FoundSession> {
        self.look_up_here(&BrowserSessionId { hash, gateway: self.gateway }, usage)
    }

    /// Ends a session that this gateway opened, for another one.
    pub(crate) fn close_here(&self, hash: String) {
        self.end(&BrowserSessionId { hash, gateway: self.gateway });
    }

    async fn look_up(&self, id: &BrowserSessionId, usage: SessionUsage) -> Option<FoundSession> {
        match self.remote_of(id) {
            Some(remote) => remote.find_session(id.gateway, &id.hash, usage).await,
            None => self.look_up_here(id, usage),
        }
    }

    fn look_up_here(&self, id: &BrowserSessionId, usage: SessionUsage) -> Option<FoundSession> {
        let (now, snapshot, now_ms) = (Instant::now(), self.directory.snapshot(), now_ms());
        let mut open = self.lock();
        let session = open.get_mut(id)?;
        if self.is_over(session, now) || !snapshot.may_stay(&session.caller, now_ms) {
            return None;
        }
        if usage == SessionUsage::Request {
            session.last_used = now;
        }
        Some(FoundSession { caller: session.caller.clone(), expires_ms: session.expires_ms })
    }

    /// The other gateways, if one of them opened a session.
    fn remote_of(&self, id: &BrowserSessionId) -> Option<&dyn RemoteBrowserSessions> {
        self.remote.as_deref().filter(|_| id.gateway != self.gateway)
    }

    fn is_over(&self, session: &OpenBrowserSession, now: Instant) -> bool {
        let ConsoleSettings { session_idle, session_lifetime, .. } = self.settings;
        now.duration_since(session.last_used) >= session_idle || now.duration_since(session.opened) >= session_lifetime
    }

    fn end(&self, id: &BrowserSessionId) {
        self.lock().remove(id);
        self.callers.dismiss_session(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BrowserSessionId, OpenBrowserSession>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.open)
    }
}

/// The session among some of them that was not used for the longest time, if there are as many as the limit.
fn idlest(
    open: &HashMap<BrowserSessionId, OpenBrowserSession>,
    limit: usize,
    is_counted: impl Fn(&OpenBrowserSession) -> bool,
) -> Option<BrowserSessionId> {
    let counted = || open.iter().filter(|(_, session)| is_counted(session));
    let idlest = counted().min_by_key(|(_, session)| session.last_used);
    idlest.filter(|_| counted().count() >= limit).map(|(id, _)| id.clone())
}

fn ended() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the session of this browser has ended; sign in again")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::admin::NewKey;
    use crate::connections::ConnectionPhase;
    use crate::core::Core;
    use crate::domain::identity::{Credential, Role};
    use crate::limits::Limits;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A gateway with the caller of a key, whose sessions end after 10 minutes without a request, or an hour.
    async fn setup() -> (tempfile::TempDir, Core, BrowserSessions, Caller) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let key = core.local_admin().add_key(NewKey::new(Role::Admin)).await.unwrap().secret;
        let caller = core.directory.authenticate_caller(&key).await.unwrap();
        let settings =
            ConsoleSettings { session_idle: 10 * MINUTE, session_lifetime: 60 * MINUTE, ..ConsoleSettings::default() };
        let sessions = BrowserSessions::new(core.directory.clone(), core.callers.clone(), settings, Default::default());
        (folder, core, sessions, caller)
    }

    async fn is_open(sessions: &BrowserSessions, secret: &SecretString) -> bool {
        sessions.find(secret, RequestOrigin::default()).await.is_ok()
    }

    async fn connect(core: &Core, sessions: &BrowserSessions, secret: &SecretString) -> CallerConnection {
        let session = sessions.find(secret, RequestOrigin::default()).await.unwrap();
        let presence = core.callers.arrive(None);
        core.callers.identify(&presence, &session.caller).unwrap();
        sessions.attach(&presence, &session).unwrap();
        presence
    }

    fn phase(presence: &CallerConnection) -> ConnectionPhase {
        *presence.phase().borrow()
    }

    #[tokio::test]
    async fn a_session_ends_without_requests_and_after_its_lifetime() {
        let (_folder, _core, sessions, caller) = setup().await;
        tokio::time::pause();
        let (used, unused) = (sessions.open(&caller), sessions.open(&caller));
        for _ in 0..6 {
            assert!(is_open(&sessions, &used).await);
            tokio::time::advance(9 * MINUTE).await;
        }
        assert!(!is_open(&sessions, &unused).await);
        assert!(is_open(&sessions, &used).await);
        tokio::time::advance(6 * MINUTE).await;
        assert!(!is_open(&sessions, &used).await, "an hour has passed");
        sessions.end_expired();
        assert!(sessions.lock().is_empty());
    }

    #[tokio::test]
    async fn a_session_has_the_caller_of_its_credential_and_ends_with_it() {
        let (_folder, core, sessions, caller) = setup().await;
        core.local_admin().add_key(NewKey::new(Role::Admin)).await.unwrap();
        let secret = sessions.open(&caller);
        let found = sessions.find(&secret, RequestOrigin::default()).await.unwrap().caller;
        assert_eq!((found.credential, found.role), (caller.credential.clone(), Role::Admin));
        let presence = connect(&core, &sessions, &secret).await;
        let Credential::Key(key) = &caller.credential else { panic!("a key") };
        core.local_admin().revoke_key(key.as_str()).await.unwrap();
        assert!(!is_open(&sessions, &secret).await);
        sessions.end_expired();
        assert!(sessions.lock().is_empty());
        assert_eq!(phase(&presence), ConnectionPhase::CredentialEnded);
    }

    #[tokio::test]
    async fn signing_out_ends_the_connections_of_the_session_and_no_others() {
        let (_folder, core, sessions, caller) = setup().await;
        let (one, other) = (sessions.open(&caller), sessions.open(&caller));
        let (of_one, of_other) = (connect(&core, &sessions, &one).await, connect(&core, &sessions, &other).await);
        let late = sessions.find(&one, RequestOrigin::default()).await.unwrap();
        sessions.close(&one).await;
        assert!(!is_open(&sessions, &one).await && is_open(&sessions, &other).await);
        assert_eq!(phase(&of_one), ConnectionPhase::CredentialEnded);
        assert_eq!(phase(&of_other), ConnectionPhase::Open);
        let presence = core.callers.arrive(None);
        sessions.attach(&presence, &late).unwrap_err();
    }

    #[tokio::test]
    async fn a_credential_has_so_many_sessions_and_the_idlest_gives_way() {
        let (_folder, _core, sessions, caller) = setup().await;
        tokio::time::pause();
        let mut secrets = Vec::new();
        for _ in 0..MAX_SESSIONS_OF_CREDENTIAL {
            secrets.push(sessions.open(&caller));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(is_open(&sessions, &secrets[0]).await, "it is used again");
        sessions.open(&caller);
        assert!(is_open(&sessions, &secrets[0]).await && !is_open(&sessions, &secrets[1]).await);
        assert_eq!(sessions.lock().len(), MAX_SESSIONS_OF_CREDENTIAL);
    }

    #[tokio::test]
    async fn any_other_secret_is_refused_and_debug_shows_none() {
        let (_folder, _core, sessions, caller) = setup().await;
        let secret = sessions.open(&caller);
        assert!(!is_open(&sessions, &"plt_session_1".to_owned().into()).await);
        assert!(!format!("{sessions:?}").contains(secret.expose_secret()));
    }
}
