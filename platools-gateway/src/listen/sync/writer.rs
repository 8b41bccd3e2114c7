//! [`write`]: writes responses, notices and calls to the WebSocket of a worker.

use std::time::Duration;

use axum::extract::ws::Message;
use platools_protocol::tool_sync::{Drain, PlatformFrame, ToolCancel};

use super::responses::WaitingResponses;
use super::socket::WorkerSocket;
use crate::links::{Delivery, Link, Notice, Order};
use crate::listen::ws::{End, Transport};

/// The most frames that are written before a flush.
const BATCH: usize = 64;

/// Writes responses and calls until the socket breaks, or takes nothing any more.
///
/// A call is taken off the queue only when the socket takes a frame, and there is no await between the two: wherever this
/// future is dropped, no call is lost.
pub(super) async fn write<S: Transport>(
    socket: &WorkerSocket<'_, S>,
    link: &mut Link,
    responses: &mut WaitingResponses,
) -> End {
    loop {
        // Both arms are cancel-safe. They end only when the link does, and then another arm of its task ends it.
        let written = tokio::select! {
            biased;
            Some(frames) = responses.next() => write_responses(socket, frames).await,
            Some(order) = link.next() => write_order(socket, link, order).await,
            else => std::future::pending().await,
        };
        if let Err(end) = written {
            return end;
        }
    }
}

async fn write_responses<S: Transport>(socket: &WorkerSocket<'_, S>, frames: Vec<String>) -> Result<(), End> {
    for frame in frames {
        socket.ready().await?;
        socket.start(Message::Text(frame.into()))?;
    }
    socket.flush().await
}

async fn write_order<S: Transport>(socket: &WorkerSocket<'_, S>, link: &mut Link, order: Order) -> Result<(), End> {
    match order {
        Order::Call(delivery) => write_calls(socket, link, delivery).await,
        Order::Notice(notice) => {
            socket.start(Message::Text(notice_frame(&notice).into()))?;
            socket.flush().await
        }
    }
}

fn notice_frame(notice: &Notice) -> String {
    match notice {
        Notice::Cancel { call_id } => PlatformFrame::ToolCancel(ToolCancel::new(call_id.as_str())).to_text(),
        Notice::Drain { deadline } => {
            let within = |time: &Duration| Drain::within_ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            PlatformFrame::Drain(deadline.as_ref().map_or_else(Drain::default, within)).to_text()
        }
    }
}

/// Writes one call and those that wait behind it, and flushes once. The socket is ready, because it was flushed before.
async fn write_calls<S: Transport>(socket: &WorkerSocket<'_, S>, link: &mut Link, first: Delivery) -> Result<(), End> {
    write_call(socket, link, first)?;
    for _ in 1..BATCH {
        socket.ready().await?;
        let Some(delivery) = link.queued_delivery() else { break };
        write_call(socket, link, delivery)?;
    }
    socket.flush().await
}

fn write_call<S: Transport>(socket: &WorkerSocket<'_, S>, link: &Link, delivery: Delivery) -> Result<(), End> {
    let Delivery { call_id, frame } = delivery;
    socket.start(Message::Text(frame.into_text().into()))?;
    link.sent(&call_id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use axum::Router;
    use axum::extract::WebSocketUpgrade;
    use axum::extract::ws::WebSocket;
    use axum::routing::any;
    use futures::StreamExt as _;
    use futures::stream::FuturesUnordered;
    use platools_protocol::tool_sync::ToolDeclaration;
    use serde_json::json;
    use serde_json::value::RawValue;
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::sync::mpsc;
    use tokio::time::timeout;
    use tokio_tungstenite::client_async;

    use super::*;
    use crate::admin::NewKey;
    use crate::arguments::Arguments;
    use crate::calls::CallRequest;
    use crate::core::Core;
    use crate::directory::Claim;
    use crate::domain::error::ErrorKind;
    use crate::domain::identity::{Policy, Role};
    use crate::limits::Limits;
    use crate::links::Generation;
    use crate::listen::sync::responses;
    use crate::listen::sync::socket::{STALLED, SocketTimes};
    use crate::listen::ws::Socket;
    use crate::listen::{ByteActivity, Server, Setup};
    use crate::settings::WorkerSettings;
    use crate::tools::ToolName;

    const PATIENCE: Duration = Duration::from_secs(20);
    const CALLS: usize = 8;
    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A socket whose worker reads nothing, and what keeps it open.
    async fn unread_socket() -> ((Socket<WebSocket>, SocketTimes), impl Sized) {
        let (sender, mut sockets) = mpsc::channel(1);
        let upgrade = async move |axum::Extension(activity): axum::Extension<ByteActivity>,
                                  upgrade: WebSocketUpgrade| {
            let settings = WorkerSettings { stall: Duration::from_millis(100), ..WorkerSettings::default() };
            upgrade.on_upgrade(async move |socket| {
                let _ = sender.send((Socket::new(socket), SocketTimes { activity, settings })).await;
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::start(listener, Setup::plain(Router::new().route("/", any(upgrade))));
        let worker = TcpSocket::new_v4().unwrap();
        worker.set_recv_buffer_size(64 * 1024).unwrap();
        let worker = worker.connect(address).await.unwrap();
        let (worker, _) = client_async(format!("ws://{address}/"), worker).await.unwrap();
        let socket = timeout(PATIENCE, sockets.recv()).await.unwrap().unwrap();
        (socket, (server, worker))
    }

    /// A worker with one tool, and a key to call it with.
    async fn core() -> (tempfile::TempDir, Core, Link, secrecy::SecretString) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let secret = core.local_admin().add_entity("dev", Policy::Supersede).await.unwrap().secret;
        let claim = Claim { secret: Some(secret), ..Claim::default() };
        let link = core.authenticator.connect(Generation::now(), claim, LOCAL).await.unwrap();
        let tool = ToolDeclaration::new("slow", "", json!({}));
        core.registrations.register(link.identity(), &link.fence(), vec![tool]).await.unwrap();
        let key = core.local_admin().add_key(NewKey::new(Role::Operator)).await.unwrap().secret;
        (folder, core, link, key)
    }

    #[tokio::test]
    async fn no_call_is_lost_between_the_queue_and_the_socket() {
        let (_folder, core, mut link, key) = core().await;
        let ((socket, times), _open) = unread_socket().await;
        let caller = core.authenticator.authenticate(&key, LOCAL).await.unwrap();
        let arguments = RawValue::from_string(format!(r#"{{"p":"{}"}}"#, "x".repeat(4 * 1024 * 1024 - 1024))).unwrap();
        let call = || {
            let arguments = Arguments::parse(&arguments).unwrap();
            let tool = ToolName { name: "slow".to_owned(), entity: None, environment: None };
            core.calls.call(&caller, CallRequest::new(tool, arguments, Duration::from_secs(600)))
        };
        let mut calls: FuturesUnordered<_> = (0..CALLS).map(|_| call()).collect();
        // All of them wait before anything is written, so that the writer takes them as one batch.
        while link.queued() < CALLS {
            assert!(timeout(Duration::from_millis(1), calls.next()).await.is_err(), "no call ends yet");
        }

        let (_responses, mut waiting) = responses::channel();
        let socket = WorkerSocket { socket: &socket, times: &times };
        let end = timeout(PATIENCE, write(&socket, &mut link, &mut waiting)).await.unwrap();
        assert_eq!(end, STALLED);
        drop(link);
        // No worker comes back, so that those which were not sent fail.
        let mut unsent = 0;
        while let Some(end) = timeout(PATIENCE, calls.next()).await.unwrap() {
            unsent += usize::from(end.unwrap_err().kind() == ErrorKind::WorkerOffline);
        }
        // The kernel has one of them at most, and the socket another.
        assert!(unsent >= CALLS - 2, "{unsent} of {CALLS} calls were not sent");
    }
}
