//! [`Bearer`]: adds a key to each request of a client that sends none. It is a proxy before a server that requires the key.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

/// Hands requests on with a bearer token, and leaves all else as it is: the path, the other headers, `Host` and `Origin` among them, and the
/// bodies, which go on as they come.
///
/// The stream that answers a call of one tool is cut after its first event, as networks do it.
#[derive(Debug)]
pub struct Bearer {
    address: SocketAddr,
    _task: JoinSet<()>,
}

/// Rules for requests.
#[derive(Clone)]
struct Rules {
    server: SocketAddr,
    authorization: HeaderValue,
    /// The tool whose answer is cut.
    cut: &'static str,
}

impl Bearer {
    /// Stands before a server, on a port of its own.
    ///
    /// # Panics
    /// There is no port, or this can be no token.
    pub async fn before(server: SocketAddr, token: &str, cut: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let authorization = format!("Bearer {token}").parse().expect("a token can be in a header");
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Rules { server, authorization, cut }));
        Self { address, _task: task }
    }

    /// Address of the proxy.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, rules: Rules) {
    let mut connections = JoinSet::new();
    loop {
        // Both arms are cancel-safe.
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.expect("it listens");
                connections.spawn(serve(stream, rules.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, rules: Rules) {
    let service = service_fn(|request| hand_on(request, rules.clone()));
    // A client that hangs up sees to that itself, and one whose request failed sees its connection end.
    let _ = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Hands one request on, over a connection of its own.
async fn hand_on(
    mut request: Request<Incoming>,
    rules: Rules,
) -> Result<Response<impl Body<Data = Bytes, Error = hyper::Error>>, Failure> {
    request.headers_mut().insert(AUTHORIZATION, rules.authorization);
    let is_cut = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| watched(body, rules.cut, Arc::clone(&is_cut)));
    let stream = TcpStream::connect(rules.server).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut connected = JoinSet::new();
    connected.spawn(connection);
    let answer = sender.send_request(request).await?;
    let most = if is_cut.load(Ordering::Relaxed) { 1 } else { usize::MAX };
    Ok(answer.map(|body| {
        // The connection lives as long as somebody reads from it.
        StreamBody::new(BodyStream::new(body).inspect(move |_| _ = &connected).take(most))
    }))
}

/// A body that tells whether it names the tool. Clients write the few bytes of a call at once.
fn watched(
    body: Incoming,
    tool: &'static str,
    is_named: Arc<AtomicBool>,
) -> impl Body<Data = Bytes, Error = hyper::Error> + Unpin {
    body.map_frame(move |frame: Frame<Bytes>| {
        let text = frame.data_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        if text.is_some_and(|text| text.contains(tool)) {
            is_named.store(true, Ordering::Relaxed);
        }
        frame
    })
}
