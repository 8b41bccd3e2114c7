//! [`Connection`]: serves one connection from TLS to its last response, or until it becomes a WebSocket.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::byte_activity::ByteActivity;
use super::client_address::ClientAddresses;
use super::setup::Routes;
use super::tls::handshake;
use super::tracked_stream::TrackedStream;
use super::waiting_response::WaitingResponse;
use crate::limits::{ConcurrencyPermit, OverBudget};
use crate::tls::Certificates;

/// The longest time for a connection to send the head of its next request. It also ends idle connections that are kept alive.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes that the head of a request may have. A longer one is answered with 431.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// The parts that a connection and its requests need.
pub(super) struct Connection {
    router: TowerToHyperService<Router>,
    /// For requests of an address that has too many, though the connection is that of a proxy.
    over_limit: TowerToHyperService<Router>,
    /// For requests whose response does not fit among those that wait.
    busy: TowerToHyperService<Router>,
    clients: ClientAddresses,
    activity: ByteActivity,
    draining: CancellationToken,
    requests: TaskTracker,
}

impl Connection {
    pub(super) fn new(
        routes: Routes,
        clients: ClientAddresses,
        draining: CancellationToken,
        requests: TaskTracker,
    ) -> Self {
        let [router, over_limit, busy] = [routes.served, routes.over_limit, routes.busy].map(TowerToHyperService::new);
        Self { router, over_limit, busy, clients, activity: ByteActivity::new(), draining, requests }
    }

    /// Serves until the connection ends or is upgraded. The place is kept for as long as the stream is, also after an
    /// upgrade.
    pub(super) async fn serve(
        self,
        stream: TcpStream,
        place: ConcurrencyPermit<IpAddr>,
        certificates: Option<Certificates>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets of a connection may be delayed");
        }
        // Below TLS: bytes of a record move before there is anything to read in it, and what TLS took to send has not moved
        // yet.
        let stream = TrackedStream::new(stream, self.activity.clone(), place);
        match certificates {
            None => self.serve_http(stream).await,
            // In a box, so that a connection without TLS does not have the size of one with it.
            Some(certificates) => Box::pin(self.accept_tls(stream, certificates)).await,
        }
    }

    /// Makes the handshake, unless the server drains before, and serves HTTP over the stream.
    async fn accept_tls(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        certificates: Certificates,
    ) {
        let secured = tokio::select! {
            secured = handshake(stream, &certificates) => secured,
            () = self.draining.cancelled() => None,
        };
        if let Some(stream) = secured {
            self.serve_http(stream).await;
        }
    }

    /// Serves HTTP until the client closes the connection; from the drain on, until the request under way is answered.
    async fn serve_http(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let service = service_fn(|request| self.answer(request));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
        let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection broke");
        }
    }

    /// Answers one request, which tells handlers where it came from and what moves over its connection.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
        let mut request = request.map(Body::new);
        let from = self.clients.client_address(request.headers());
        let place = self.clients.admit(from);
        request.extensions_mut().insert(ConnectInfo(from));
        request.extensions_mut().insert(self.activity.clone());
        let waiting = WaitingResponse::new(Arc::clone(self.clients.limiter()), from.ip(), request.method());
        let answering = if place.is_ok() { self.router.call(request) } else { self.over_limit.call(request) };
        let (place, activity, busy) = (place.ok().flatten(), self.activity.clone(), self.busy.clone());
        let answering = async move {
            let response = match waiting.count(answering.await?) {
                Ok(response) => response,
                Err(OverBudget) => busy.call(Request::new(Body::empty())).await?,
            };
            Ok(kept(response, place, &activity))
        };
        tracked(self.requests.token(), answering)
    }
}

/// A response whose request keeps its place until the response is written, or for as long as the socket that it opens.
fn kept(response: Response<Body>, place: Option<ConcurrencyPermit<IpAddr>>, activity: &ByteActivity) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        activity.upgrade(place);
        return response;
    }
    let Some(place) = place else { return response };
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _kept = &place;
            frame
        }))
    })
}

async fn tracked<T>(_token: TaskTrackerToken, what: impl Future<Output = T>) -> T {
    what.await
}
