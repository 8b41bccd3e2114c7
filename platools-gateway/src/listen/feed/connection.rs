//! `DashboardConnection`: serves the live feed to one dashboard over its WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, close_code};
use futures::Stream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::keepalive::Keepalive;
use super::message::{self, DashboardMessage};
use crate::connections::{BrowserSession, CallerConnection, ConnectionPhase, SocketKind};
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::feed::{Watch, WatchEnd, Watched};
use crate::listen::ws::{self, Close, End, Farewell, Incoming, Reader, Socket, SocketProtocol, Transport, dismissed};

/// A dashboard whose token is good, and the agent that it wants to watch.
pub(super) struct Dashboard {
    pub(super) core: Arc<Core>,
    pub(super) caller: Caller,
    /// The session of the browser that it is in, if it has no token of its own.
    pub(super) session: Option<BrowserSession>,
    pub(super) agent: String,
}

/// The connection of a dashboard.
struct DashboardConnection {
    presence: CallerConnection,
    watched: Watched,
    /// The agent as the dashboard named it in its URL.
    as_named: String,
    max_message_bytes: usize,
    keepalive: Keepalive,
    replies: mpsc::Sender<Utf8Bytes>,
    watch_ended: watch::Receiver<Option<WatchEnd>>,
}

/// The messages of the feed, and the replies that wait for the dashboard.
type FeedWriter = (Watch, mpsc::Receiver<Utf8Bytes>);

/// The number of replies that wait for a dashboard; nothing more is read from it until it takes them.
const WAITING_REPLIES: usize = 16;

/// Two pings had no pong, each for an interval.
const SILENT: End = End::close(close_code::NORMAL, "Connection timeout");

/// A newer connection watches the agent.
const DISPLACED: End = End::close(close_code::NORMAL, "New connection established");

/// There is no such agent that may be watched.
const NO_SUCH_AGENT: End = End::close(close_code::POLICY, "Agent not found");

/// The gateway stops.
const SHUTDOWN: Close = Close::new(close_code::NORMAL, "Server shutdown");

/// Serves a dashboard until its connection ends.
pub(super) async fn serve<S: Transport>(dashboard: Dashboard, socket: S) {
    let (begun, socket) = (Instant::now(), Socket::new(socket));
    let end = match begin(&dashboard) {
        Ok((connection, writer)) => return ws::serve(connection, writer, socket).await,
        Err(end) => end,
    };
    end.log(DashboardConnection::PEER, begun);
    let farewell = farewell_of(&end);
    if let Some(close) = end.to_close() {
        socket.close(close, farewell, DashboardConnection::FAREWELL).await;
    }
}

fn begin(dashboard: &Dashboard) -> Result<(DashboardConnection, FeedWriter), End> {
    let Dashboard { core, caller, session, agent } = dashboard;
    let presence = core.callers.arrive(Some(SocketKind::Dashboard));
    core.callers.identify(&presence, caller).map_err(|_| Close::CREDENTIAL_ENDED)?;
    let attach = |session| core.browser_sessions.attach(&presence, session);
    session.iter().try_for_each(attach).map_err(|_| Close::CREDENTIAL_ENDED)?;
    let watch = core.dashboards.watch(caller, agent).map_err(|_| NO_SUCH_AGENT)?;
    tracing::info!(credential = %caller.credential, agent.id = %watch.watched().agent_id, "dashboard connected");
    let settings = core.dashboards.settings();
    let (replies, waiting) = mpsc::channel(WAITING_REPLIES);
    let connection = DashboardConnection {
        presence,
        watched: watch.watched().clone(),
        as_named: agent.clone(),
        max_message_bytes: settings.max_message_bytes,
        keepalive: Keepalive::new(settings.ping_interval),
        replies,
        watch_ended: watch.end(),
    };
    Ok((connection, (watch, waiting)))
}

impl SocketProtocol for DashboardConnection {
    const PEER: &'static str = "dashboard";

    type WriterState = FeedWriter;

    async fn read<S: Transport>(&self, socket: &Socket<S>) -> End {
        // Silence is a matter of the keepalive, which counts only the pongs of this protocol.
        let mut reader = Reader::new(socket, Duration::MAX, self.max_message_bytes);
        read(&mut reader, (&self.watched, &self.as_named), &self.replies, &self.keepalive).await
    }

    /// Writes pings, replies, and the messages of the feed.
    async fn write<S: Transport>(&self, (watch, replies): &mut FeedWriter, socket: &Socket<S>) -> End {
        loop {
            // Every arm is cancel-safe.
            let text = tokio::select! {
                biased;
                () = self.keepalive.ping_due() => message::ping(),
                Some(reply) = replies.recv() => reply,
                text = watch.next() => Utf8Bytes::try_from(text).expect("JSON is UTF-8"),
            };
            // The keepalive limits the time: a dashboard that reads nothing answers no ping.
            if let Err(error) = socket.send(Message::Text(text)).await {
                return error.into();
            }
        }
    }

    async fn ended(&self) -> End {
        let mut watch_ended = self.watch_ended.clone();
        tokio::select! {
            // A dashboard has nothing to finish when the gateway stops.
            end = dismissed(&self.presence, ConnectionPhase::Draining, SHUTDOWN) => end,
            end = watch_ended.wait_for(Option::is_some) => match end.map(|end| *end) {
                Ok(Some(WatchEnd::Displaced)) => DISPLACED,
                Ok(Some(WatchEnd::NoSuchAgent)) => NO_SUCH_AGENT,
                Ok(None) | Err(_) => SHUTDOWN.into(),
            },
            () = self.keepalive.silence() => SILENT,
        }
    }

    fn leave(self, _: FeedWriter, end: &End) -> Farewell<impl FnMut(&str)> {
        farewell_of(end)
    }
}

/// The message that tells a dashboard of an agent that it may not watch.
fn farewell_of(end: &End) -> Farewell<fn(&str)> {
    let error = (*end == NO_SUCH_AGENT).then(|| message::error("there is no such agent that you may watch"));
    Farewell::new(error.into_iter().collect())
}

/// Reads what comes. Where it is to be answered and the dashboard does not take the replies, it is not heard either.
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
            Ok(Incoming::Text(text)) => message::handle(&text, watched, as_named),
            Ok(Incoming::Binary) => {
                DashboardMessage::Reply(message::error("a binary message is not understood here; send text"))
            }
            Ok(Incoming::Pong) => continue,
            Err(error) => return error.into(),
        };
        match heard {
            DashboardMessage::Pong => keepalive.pong(),
            DashboardMessage::Reply(reply) => {
                if replies.send(reply).await.is_err() {
                    return End::GONE;
                }
            }
        }
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
            feed: Feed::new(FeedSettings::default()),
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
