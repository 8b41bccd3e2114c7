//! [`SharedState`]: holds the state that the clones of one client share with its connection: the session, the channels, the listeners and
//! the gateway's HTTP requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::debug;

use super::channels::Subscriptions;
use super::event::RuntimeEvent;
use super::http_requests::HttpRequests;
use super::listener_queues::ListenerQueues;
use super::private_key::PrivateKey;
use platools_protocol::runtime::{AgentFrame, Connected, Disconnect, path};
use platools_transport::{ConnectionState, Reporter};

/// The number of frames that wait to be written; a further send waits.
const WAITING_FRAMES: usize = 64;

/// The longest time for the gateway to confirm the end of a session.
const SESSION_END_LIMIT: Duration = Duration::from_secs(5);

/// The settings that the connection and the handles of a client need.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) heartbeat_interval: Duration,
    pub(super) metadata: Option<Box<RawValue>>,
    /// Kept for the application.
    pub(super) private_key: Option<PrivateKey>,
}

/// Requests over HTTP, listeners, channels and the session of one client.
#[derive(Debug)]
pub(super) struct SharedState {
    pub(super) http: HttpRequests,
    pub(super) settings: Settings,
    pub(super) reporter: Reporter<RuntimeEvent>,
    pub(super) events: Arc<ListenerQueues<RuntimeEvent>>,
    pub(super) states: Arc<ListenerQueues<ConnectionState>>,
    channels: Mutex<Subscriptions>,
    session: Mutex<Option<Connected>>,
    /// Sends frames to the socket, while there is one.
    frames: Mutex<Option<mpsc::Sender<Utf8Bytes>>>,
}

/// The frames for one socket.
#[derive(Debug)]
pub(super) struct Frames {
    /// Frames that are sent first.
    pub(super) first: Vec<Utf8Bytes>,
    /// Everything else.
    pub(super) later: mpsc::Receiver<Utf8Bytes>,
}

impl SharedState {
    pub(super) fn new(http: HttpRequests, settings: Settings) -> Self {
        let events = Arc::new(ListenerQueues::new("events"));
        let states = Arc::new(ListenerQueues::new("states"));
        let reporter = Reporter::default().observed({
            let (events, states) = (Arc::clone(&events), Arc::clone(&states));
            move |state: &ConnectionState| {
                states.publish("", state);
                let event = RuntimeEvent::state(state);
                events.publish(event.kind(), &event);
            }
        });
        Self {
            http,
            settings,
            reporter,
            events,
            states,
            channels: Mutex::default(),
            session: Mutex::default(),
            frames: Mutex::default(),
        }
    }

    fn channels(&self) -> MutexGuard<'_, Subscriptions> {
        lock(&self.channels)
    }

    /// Returns the session, from its beginning on the gateway to its end here.
    pub(super) fn session(&self) -> MutexGuard<'_, Option<Connected>> {
        lock(&self.session)
    }

    /// Returns the sender of frames to the socket; `None` while there is no socket.
    pub(super) fn frames(&self) -> Option<mpsc::Sender<Utf8Bytes>> {
        lock(&self.frames).clone()
    }

    /// Takes note of a new socket, and returns the frames for it.
    pub(super) fn attach(&self) -> Frames {
        let subscribe = |channel_id: &str| AgentFrame::Subscribe { channel_id: channel_id.into() }.to_text().into();
        let (sender, later) = mpsc::channel(WAITING_FRAMES);
        // Under the lock of the channels, so that a change is either among the first frames or sent to the new socket.
        let channels = self.channels();
        *lock(&self.frames) = Some(sender);
        Frames { first: channels.all().map(subscribe).collect(), later }
    }

    /// Takes note of the end of the socket.
    pub(super) fn detach(&self) {
        *lock(&self.frames) = None;
    }

    /// Changes the channels, and returns the sender to the socket that has to be told.
    pub(super) fn change_channels(&self, change: impl FnOnce(&mut Subscriptions)) -> Option<mpsc::Sender<Utf8Bytes>> {
        let mut channels = self.channels();
        change(&mut channels);
        self.frames()
    }

    /// Ends the session, if there is one, and tells the gateway, which finds out by itself if that fails.
    pub(super) async fn end_session(&self) {
        let session = self.session().take();
        if let Some(session) = session {
            self.report_end(session).await;
        }
    }

    /// Tells the gateway of the end of a session, within a limit.
    pub(super) async fn report_end(&self, session: Connected) {
        let request = Disconnect::new(session.session_id);
        let told = self.http.ask_once::<IgnoredAny>("POST", path::DISCONNECT, request);
        if !matches!(timeout(SESSION_END_LIMIT, told).await, Ok(Ok(_))) {
            debug!("end of the session not delivered");
        }
    }

    /// Forgets what belongs to a session.
    pub(super) fn clear(&self) {
        self.detach();
        *self.session() = None;
        *self.channels() = Subscriptions::default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
