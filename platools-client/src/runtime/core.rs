//! The state that a client and its run share.

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
use super::gateway::Gateway;
use super::listeners::Listeners;
use super::private_key::PrivateKey;
use platools_protocol::runtime::{ClientFrame, Connected, Disconnect, path};
use platools_transport::{ConnectionState, Reconnect, Reporter};

/// The number of frames that wait to be written; a further send waits.
const WAITING_FRAMES: usize = 64;

/// The longest time for the gateway to confirm the end of a session.
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);

/// The settings of a client that its run and its handle need.
#[derive(Debug)]
pub(super) struct Settings {
    /// With the defaults of sessions.
    pub(super) reconnect: Reconnect,
    pub(super) heartbeat_interval: Duration,
    pub(super) metadata: Option<Box<RawValue>>,
    /// For the application alone.
    pub(super) private_key: Option<PrivateKey>,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) gateway: Gateway,
    pub(super) settings: Settings,
    pub(super) reporter: Reporter<RuntimeEvent>,
    pub(super) events: Arc<Listeners<RuntimeEvent>>,
    pub(super) states: Arc<Listeners<ConnectionState>>,
    channels: Mutex<Subscriptions>,
    session: Mutex<Option<Connected>>,
    /// Leads to the socket, while there is one.
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

impl Core {
    pub(super) fn new(gateway: Gateway, settings: Settings) -> Self {
        let events = Arc::new(Listeners::new("events"));
        let states = Arc::new(Listeners::new("states"));
        let reporter = Reporter::default().observed({
            let (events, states) = (Arc::clone(&events), Arc::clone(&states));
            move |state: &ConnectionState| {
                states.publish("", state);
                let event = RuntimeEvent::state(state);
                events.publish(event.kind(), &event);
            }
        });
        Self {
            gateway,
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

    /// The session, from its beginning on the gateway to its end here.
    pub(super) fn session(&self) -> MutexGuard<'_, Option<Connected>> {
        lock(&self.session)
    }

    /// The way to the socket; `None` while there is none.
    pub(super) fn frames(&self) -> Option<mpsc::Sender<Utf8Bytes>> {
        lock(&self.frames).clone()
    }

    /// There is another socket, for these frames.
    pub(super) fn attach(&self) -> Frames {
        let subscribe = |channel_id: &str| ClientFrame::Subscribe { channel_id: channel_id.into() }.to_text().into();
        let (sender, later) = mpsc::channel(WAITING_FRAMES);
        // Whoever changes the channels does so before or after both.
        let channels = self.channels();
        *lock(&self.frames) = Some(sender);
        Frames { first: channels.all().map(subscribe).collect(), later }
    }

    /// There is no socket any more.
    pub(super) fn detach(&self) {
        *lock(&self.frames) = None;
    }

    /// Changes the channels, and gives the way to the socket that does not know of that.
    pub(super) fn change_channels(&self, change: impl FnOnce(&mut Subscriptions)) -> Option<mpsc::Sender<Utf8Bytes>> {
        let mut channels = self.channels();
        change(&mut channels);
        self.frames()
    }

    /// Tells the gateway that the session has ended, if there is one, as well as that can be done.
    pub(super) async fn say_farewell(&self) {
        let session = self.session().take();
        if let Some(session) = session {
            self.say_farewell_of(session).await;
        }
    }

    /// Tells the gateway that this session has ended, as well as that can be done.
    pub(super) async fn say_farewell_of(&self, session: Connected) {
        let farewell = Disconnect::new(session.session_id);
        let told = self.gateway.ask_once::<IgnoredAny>("POST", path::DISCONNECT, farewell);
        if !matches!(timeout(FAREWELL_LIMIT, told).await, Ok(Ok(_))) {
            debug!("the gateway could not be told of the session's end, and will find out");
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
