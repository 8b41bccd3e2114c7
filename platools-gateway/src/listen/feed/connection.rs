//! The task that owns one dashboard's socket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::end::End;
use super::keepalive::Keepalive;
use super::message::{self, Heard};
use crate::connections::{Presence, SocketKind};
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::feed::{Watch, WatchEnd, Watched};
use crate::listen::ws::{Incoming, Reader, dismissed, duration_ms, say_goodbye};

/// The number of answers that wait for a dashboard; nothing more is read from it until it takes them.
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
    let begun = Instant::now();
    let presence = dashboard.core.callers.arrive_at(SocketKind::Dashboard);
    let (mut sink, stream) = socket.split();
    // Silence is a matter of the keepalive, which counts only the pongs of this protocol.
    let mut reader = Reader::new(stream, Duration::MAX, dashboard.core.dashboards.settings().max_message_bytes);
    let end = match begin(&dashboard, &presence) {
        // The watch is over before the goodbye, which a dashboard may be slow to answer.
        Ok(watch) => run(&dashboard, watch, &presence, &mut sink, &mut reader).await,
        Err(end) => end,
    };
    drop(presence);
    tracing::info!(reason = %end, duration_ms = duration_ms(begun), "dashboard disconnected");
    let last = (end == End::NoSuchAgent).then(|| message::error("there is no such agent that you may watch"));
    if let Some(close) = end.close() {
        say_goodbye(sink, reader.into_inner(), close, last).await;
    }
}

fn begin(dashboard: &Dashboard, presence: &Presence) -> Result<Watch, End> {
    let Dashboard { core, caller, agent } = dashboard;
    core.callers.identify(presence, caller).map_err(|_| End::CredentialEnded)?;
    let watch = core.dashboards.watch(caller, agent).map_err(|_| End::NoSuchAgent)?;
    tracing::info!(credential = %caller.credential, agent.id = %watch.watched().agent_id, "dashboard connected");
    Ok(watch)
}

async fn run<W, R>(
    dashboard: &Dashboard,
    mut watch: Watch,
    presence: &Presence,
    sink: &mut W,
    reader: &mut Reader<R>,
) -> End
where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let keepalive = Keepalive::new(dashboard.core.dashboards.settings().ping_interval);
    let (replies, waiting) = mpsc::channel(WAITING_REPLIES);
    let (over, watched) = (watch.end(), watch.watched().clone());
    tokio::select! {
        end = read(reader, (&watched, &dashboard.agent), &replies, &keepalive) => end,
        end = write(sink, &mut watch, waiting, &keepalive) => end,
        end = dismissed(presence, End::of) => end,
        end = taken_away(over) => end,
        () = keepalive.silence() => End::Silent,
    }
}

/// Reads what comes. Where it is to be answered and the dashboard does not take the answers, it is not heard either.
async fn read<R>(
    reader: &mut Reader<R>,
    (watched, as_named): (&Watched, &str),
    replies: &mpsc::Sender<Utf8Bytes>,
    keepalive: &Keepalive,
) -> End
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    loop {
        let heard = match reader.next().await {
            Ok(Incoming::Text(text)) => message::hear(&text, watched, as_named),
            Ok(Incoming::Binary) => Heard::Reply(message::error("a binary message is not understood here; send text")),
            Ok(Incoming::Pong) => continue,
            Err(unread) => return End::Unread(unread),
        };
        match heard {
            Heard::Pong => keepalive.pong(),
            Heard::Reply(reply) => {
                if replies.send(reply).await.is_err() {
                    return End::Gone;
                }
            }
        }
    }
}

/// Writes pings, answers, and what happens.
async fn write<W>(sink: &mut W, watch: &mut Watch, mut replies: mpsc::Receiver<Utf8Bytes>, keepalive: &Keepalive) -> End
where
    W: Sink<Message, Error = axum::Error> + Unpin,
{
    loop {
        // Every arm is cancel-safe.
        let text = tokio::select! {
            biased;
            () = keepalive.ping_due() => message::ping(),
            Some(reply) = replies.recv() => reply,
            text = watch.next() => Utf8Bytes::try_from(text).expect("JSON is UTF-8"),
        };
        // The keepalive limits the time: a dashboard that reads nothing answers no ping.
        if sink.send(Message::Text(text)).await.is_err() {
            return End::Gone;
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

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, stream};

    use super::*;
    use crate::domain::identity::Caller;
    use crate::feed::{Feed, FeedSettings};

    #[tokio::test]
    async fn a_dashboard_that_takes_no_answers_is_not_read_any_further() {
        let watched = Watched {
            agent_id: "agt".into(),
            agent: "a".to_owned(),
            project_id: "prj".into(),
            caller: Caller::sample("key"),
            feed: Feed::new(FeedSettings::default(), None),
        };
        let mut asked = 0;
        let pings = stream::iter(std::iter::repeat_with(|| {
            asked += 1;
            Ok(Message::Text(r#"{"type": "ping"}"#.into()))
        }));
        let minute = Duration::from_secs(60);
        let mut reader = Reader::new(pings, minute, 1024);
        let (replies, _waiting) = mpsc::channel(WAITING_REPLIES);
        assert!(read(&mut reader, (&watched, "a"), &replies, &Keepalive::new(minute)).now_or_never().is_none());
        assert_eq!(asked, WAITING_REPLIES + 1);
    }
}
