//! [`Connection`]: knows whether the bus is connected to NATS, and counts the losses of the connection. [`connect`] opens the connection.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use secrecy::ExposeSecret as _;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::settings::{NatsCredentials, NatsError, NatsSettings};
use crate::bus::State;
use crate::error::PublishError;

/// The state of the connection: connected from the first probe that passes after a loss.
#[derive(Debug)]
pub(super) struct Connection {
    state: watch::Sender<State>,
    /// Counts the times at which messages may have been missed.
    losses: watch::Sender<u64>,
    /// True from a loss until a probe passes.
    is_lost: AtomicBool,
    /// Wakes the probe.
    changed: Notify,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::Disconnected),
            losses: watch::Sender::new(0),
            is_lost: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }
}

impl Connection {
    /// # Errors
    /// There is no connection.
    pub(super) fn check(&self) -> Result<(), PublishError> {
        if *self.state.borrow() == State::Connected { Ok(()) } else { Err(PublishError::Disconnected) }
    }

    /// Checks for messages that are queued already. A bus that was closed still sends refusals of requests that were on their way to it.
    ///
    /// # Errors
    /// There is no connection.
    pub(super) fn check_open(&self) -> Result<(), PublishError> {
        if *self.state.borrow() == State::Disconnected { Err(PublishError::Disconnected) } else { Ok(()) }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Changes when messages may have been missed.
    pub(super) fn losses(&self) -> watch::Receiver<u64> {
        self.losses.subscribe()
    }

    /// Waits until the bus is closed.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut state = self.state.subscribe();
        async move {
            // An error: the bus is gone.
            let _ = state.wait_for(|state| *state == State::Closed).await;
        }
    }

    /// Waits for an event of the connection, or for a time to pass.
    pub(super) async fn changed(&self, limit: Duration) {
        let _ = timeout(limit, self.changed.notified()).await;
    }

    pub(super) fn probe_passed(&self) {
        if self.is_lost.swap(false, Ordering::Relaxed) {
            self.losses.send_modify(|losses| *losses += 1);
        }
        self.set(State::Connected);
    }

    pub(super) fn probe_failed(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
        self.set(State::Disconnected);
    }

    pub(super) fn close(&self) {
        self.set(State::Closed);
    }

    fn set(&self, state: State) {
        self.state.send_if_modified(|current| {
            let is_change = *current != state && *current != State::Closed;
            if is_change {
                *current = state;
                tracing::info!(state = ?state, "connection to the NATS server changed");
            }
            is_change
        });
    }

    fn handle(&self, event: &Event) {
        match event {
            Event::Disconnected | Event::Closed => self.probe_failed(),
            // Subscriptions are made again before a probe passes.
            Event::Connected => self.changed.notify_one(),
            Event::SlowConsumer(_) => self.losses.send_modify(|losses| *losses += 1),
            Event::LameDuckMode | Event::Draining | Event::ServerError(_) | Event::ClientError(_) => {
                tracing::warn!(event = %event, "NATS event received");
            }
        }
    }
}

/// Connects to the first server that answers.
pub(super) async fn connect(settings: &NatsSettings, connection: &Arc<Connection>) -> Result<Client, NatsError> {
    let events = Arc::clone(connection);
    let options = options(settings)?.event_callback(move |event| {
        events.handle(&event);
        std::future::ready(())
    });
    let client = options.connect(settings.servers.clone()).await.map_err(|error| explain(&error, settings))?;
    let max_payload = client.max_payload();
    if max_payload < MIN_PAYLOAD_BYTES {
        return Err(NatsError::new(format!(
            "the NATS server takes messages of at most {max_payload} bytes; set its `max_payload` to {MIN_PAYLOAD_BYTES} or more"
        )));
    }
    Ok(client)
}

fn options(settings: &NatsSettings) -> Result<ConnectOptions, NatsError> {
    let mut options = ConnectOptions::new()
        .name(&settings.name)
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_LIMIT)
        .subscription_capacity(SUBSCRIPTION_MESSAGES)
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay);
    if let Some(file) = &settings.certificate_authority {
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = &settings.client_certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(match &settings.credentials {
        NatsCredentials::None => options,
        NatsCredentials::Password { user, password } => {
            options.user_and_password(user.clone(), password.expose_secret().to_owned())
        }
        NatsCredentials::Token(token) => options.token(token.expose_secret().to_owned()),
        NatsCredentials::File(text) => options.credentials(text.expose_secret()).map_err(|_: io::Error| {
            NatsError::new("the credentials for NATS are not the text of a credentials file; give the text of a file that `nsc` wrote")
        })?,
    })
}

/// The delay before the next attempt: half of a doubling time, up to 4 s, and a random part of the same length, so that the gateways of an
/// installation do not return at once.
fn reconnect_delay(attempts: usize) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1 << attempts.min(10)).min(LONGEST_DELAY);
    doubled.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Explains a failure in one sentence, and says what to do.
fn explain(error: &ConnectError, settings: &NatsSettings) -> NatsError {
    let servers = settings.servers.join(", ");
    NatsError::new(match error.kind() {
        _ if is_tls(error) => format!(
            "TLS with the NATS server at {servers} failed ({error}); check its certificate, and name the authority that signed it"
        ),
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            format!("the NATS server at {servers} refused the credentials; check the user, token or credentials file")
        }
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::Tls
        | ConnectErrorKind::MaxReconnects => {
            format!("no NATS server answers at {servers} ({error}); check the address, and that the server runs")
        }
    })
}

/// A certificate that is not trusted is an error of reading to the client library.
fn is_tls(error: &ConnectError) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<async_nats::rustls::Error>()) {
            return true;
        }
        source = error.source();
    }
    error.kind() == ConnectErrorKind::Tls
}

/// A server that takes less would need many frames for a call.
const MIN_PAYLOAD_BYTES: usize = 256 * 1024;

/// After two pings without an answer the connection is lost.
const PING_INTERVAL: Duration = Duration::from_secs(5);

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Messages between the connection and the inbox of a subscription, which is emptied at once.
const SUBSCRIPTION_MESSAGES: usize = 4096;

const FIRST_DELAY: Duration = Duration::from_millis(100);

const LONGEST_DELAY: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_spread_over_up_to_four_seconds() {
        for attempts in [0, 1, 5, 100, usize::MAX] {
            let longest = Duration::from_millis(100 << attempts.min(10)).min(Duration::from_secs(4));
            for _ in 0..100 {
                let delay = reconnect_delay(attempts);
                assert!((longest / 2..=longest).contains(&delay), "{attempts}: {delay:?}");
            }
        }
    }

    #[test]
    fn a_loss_is_told_when_a_probe_has_passed() {
        let connection = Connection::default();
        let (mut losses, state) = (connection.losses(), connection.state());
        connection.probe_passed();
        assert_eq!((*state.borrow(), losses.has_changed().unwrap()), (State::Connected, false));
        connection.handle(&Event::Disconnected);
        assert_eq!(connection.check(), Err(PublishError::Disconnected));
        connection.handle(&Event::Connected);
        assert_eq!((*state.borrow(), losses.has_changed().unwrap()), (State::Disconnected, false));
        connection.probe_passed();
        assert_eq!((*state.borrow(), *losses.borrow_and_update()), (State::Connected, 1));
        connection.handle(&Event::SlowConsumer(1));
        assert!(losses.has_changed().unwrap());
        connection.close();
        connection.probe_passed();
        assert_eq!(*state.borrow(), State::Closed);
    }
}
