//! The task that owns one dashboard's socket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::end::{End, broken, end_of, say_goodbye};
use super::message::{self, Heard};
use super::pulse::Pulse;
use crate::core::feed::{Watch, WatchEnd, Watched};
use crate::core::identity::Caller;
use crate::core::{Core, Presence};

/// So many answers wait for a dashboard; nothing more is read from it until it takes them.
const WAITING_REPLIES: usize = 16;

/// Somebody whose token is good, and the agent that it wants to watch.
pub(super) struct Dashboard {
    pub(super) core: Arc<Core>,
    pub(super) caller: Caller,
    pub(super) agent: String,
}

/// Serves a dashboard until its connection ends.
pub(super) async fn serve<S>(dashboard: Dashboard, socket: S)
where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error>,
{
    let presence = dashboard.core.arrives();
    let (mut sink, mut stream) = socket.split();
    let end = match begin(&dashboard, &presence) {
        // The watch is over before the goodbye, which a dashboard may be slow to answer.
        Ok(watch) => run(&dashboard, watch, &presence, &mut sink, &mut stream).await,
        Err(end) => end,
    };
    drop(presence);
    tracing::info!(?end, "dashboard disconnected");
    let last = (end == End::NoSuchAgent).then(|| message::error("there is no such agent that you may watch"));
    say_goodbye(sink, stream, end, last).await;
}

fn begin(dashboard: &Dashboard, presence: &Presence) -> Result<Watch, End> {
    let Dashboard { core, caller, agent } = dashboard;
    core.is_known(presence, caller).map_err(|_| End::CredentialEnded)?;
    let watch = core.watch(caller, agent).map_err(|_| End::NoSuchAgent)?;
    tracing::info!(credential = %caller.credential, agent.id = %watch.watched().agent_id, "dashboard connected");
    Ok(watch)
}

async fn run<W, R>(dashboard: &Dashboard, mut watch: Watch, presence: &Presence, sink: &mut W, stream: &mut R) -> End
where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let settings = dashboard.core.feed().settings();
    let (interval, max_bytes) = (settings.ping_interval, settings.max_message_bytes);
    let pulse = Pulse::new(interval.saturating_mul(2));
    let (replies, waiting) = mpsc::channel(WAITING_REPLIES);
    let (over, watched) = (watch.end(), watch.watched().clone());
    tokio::select! {
        end = read(stream, &watched, &replies, &pulse, max_bytes) => end,
        end = write(sink, &mut watch, waiting, interval) => end,
        end = dismissed(presence) => end,
        end = taken_away(over) => end,
        () = pulse.stopped() => End::Silent,
    }
}

/// Reads what comes. Where it is to be answered and the dashboard does not take the answers, it is not heard either.
async fn read<R>(
    stream: &mut R,
    watched: &Watched,
    replies: &mpsc::Sender<Utf8Bytes>,
    pulse: &Pulse,
    max_bytes: usize,
) -> End
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    loop {
        let heard = match stream.next().await {
            Some(Ok(Message::Text(text))) if text.len() > max_bytes => return End::TooLarge,
            Some(Ok(Message::Binary(bytes))) if bytes.len() > max_bytes => return End::TooLarge,
            Some(Ok(Message::Text(text))) => message::hear(&text, watched),
            Some(Ok(Message::Binary(_))) => {
                Heard::Reply(message::error("a binary message is not understood here; send text"))
            }
            // The socket itself answers its pings; its pongs are none of this protocol's.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => continue,
            Some(Err(error)) => return broken(error),
            None => return End::Gone,
        };
        match heard {
            Heard::Pong => pulse.beats(),
            Heard::Reply(reply) => {
                if replies.send(reply).await.is_err() {
                    return End::Gone;
                }
            }
        }
    }
}

/// Writes pings, answers, and what happens.
async fn write<W>(sink: &mut W, watch: &mut Watch, mut replies: mpsc::Receiver<Utf8Bytes>, interval: Duration) -> End
where
    W: Sink<Message, Error = axum::Error> + Unpin,
{
    let mut ping = interval_at(Instant::now() + interval, interval);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Every arm is cancel-safe.
        let text = tokio::select! {
            biased;
            _ = ping.tick() => message::ping(),
            Some(reply) = replies.recv() => reply,
            text = watch.next() => Utf8Bytes::try_from(text).expect("JSON is UTF-8"),
        };
        // How long it may take is the pulse's matter: whoever reads nothing answers no ping.
        if sink.send(Message::Text(text)).await.is_err() {
            return End::Gone;
        }
    }
}

/// Waits until the dashboard may not stay any longer.
async fn dismissed(presence: &Presence) -> End {
    let mut stay = presence.stay();
    loop {
        if let Some(end) = end_of(*stay.borrow_and_update()) {
            return end;
        }
        if stay.changed().await.is_err() {
            return End::ShuttingDown;
        }
    }
}

/// Waits until the agent is somebody else's to watch, or nobody's.
async fn taken_away(mut over: watch::Receiver<Option<WatchEnd>>) -> End {
    match over.wait_for(Option::is_some).await.map(|end| *end) {
        Ok(Some(end)) => end.into(),
        Ok(None) | Err(_) => End::ShuttingDown,
    }
}
