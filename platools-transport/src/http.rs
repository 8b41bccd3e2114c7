//! [`Http`]: sends HTTP requests to the host of a [`Dialler`], one connection for several requests.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind};
use crate::{Dialler, Transport};

/// Time for which a connection is kept for the next request. Servers known to us keep theirs for longer.
const IDLE_LIMIT: Duration = Duration::from_secs(8);

/// Asks one host. A connection is kept for the next request; requests at the same time have one each.
pub struct Http {
    dialler: Dialler,
    idle: Arc<Idle>,
    /// Looks after the connection that is kept. One at most, and it ends with this.
    keeper: Mutex<JoinSet<()>>,
}

/// The connection that is kept.
#[derive(Default)]
struct Idle(Mutex<Option<PooledConnection>>);

/// The answer of a host.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Bytes,
    /// True if the body went on beyond the limit.
    pub is_cut: bool,
}

impl Http {
    /// Creates a client of the dialler's host, without a connection.
    pub fn new(dialler: Dialler) -> Self {
        Self { dialler, idle: Arc::default(), keeper: Mutex::default() }
    }

    /// Makes a request, and reads no more than so much of the answer's body. Dropping the future ends the request's
    /// connection.
    pub async fn ask(&self, mut request: Request<Full<Bytes>>, limit: usize) -> Result<Answer, Error> {
        if let Some(mut line) = self.kept() {
            match line.ask(request, limit).await {
                // The other side has closed the connection meanwhile, and has seen nothing of the request.
                Err(Unanswered { unsent: Some(unsent), .. }) => request = *unsent,
                Err(unanswered) => return Err(unanswered.error),
                Ok(answer) => return Ok(self.answered(line, answer)),
            }
        }
        let mut line = self.dialler.in_time(self.dial()).await?;
        let answer = line.ask(request, limit).await.map_err(|unanswered| unanswered.error)?;
        Ok(self.answered(line, answer))
    }

    async fn dial(&self) -> Result<PooledConnection, Error> {
        PooledConnection::on(self.dialler.transport().await?).await
    }

    /// The connection that is kept, if it can still be used.
    fn kept(&self) -> Option<PooledConnection> {
        let mut line = self.idle.lock().take()?;
        line.is_ready().then_some(line)
    }

    /// Keeps the connection for the next request, for a while and as long as the other side does.
    fn answered(&self, connection: PooledConnection, answer: Answer) -> Answer {
        if connection.driver.is_some() && !answer.is_cut {
            let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
            // The one before it has nothing to look after any more.
            *keeper = JoinSet::new();
            *self.idle.lock() = Some(connection);
            let idle = Arc::clone(&self.idle);
            keeper.spawn(async move {
                let _ = timeout(IDLE_LIMIT, poll_fn(|cx| idle.poll_gone(cx))).await;
                drop(idle.lock().take());
            });
        }
        answer
    }
}

impl Idle {
    /// Ready when the connection has ended, or is in use again.
    fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let is_there = self.lock().as_mut().is_some_and(|connection| !connection.poll_over(cx));
        if is_there { Poll::Pending } else { Poll::Ready(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<PooledConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("dialler", &self.dialler).finish_non_exhaustive()
    }
}

/// Future that moves the bytes of a connection.
type Driver = Connection<TokioIo<Box<dyn Transport>>, Full<Bytes>>;

/// An HTTP connection. The task that makes a request polls its driver; between requests, the keeper does.
struct PooledConnection {
    requests: SendRequest<Full<Bytes>>,
    /// Gone at the end of the connection, and with it whatever a request would wait for in vain.
    driver: Option<Pin<Box<Driver>>>,
}

struct Unanswered {
    error: Error,
    /// The request, where nothing of it was sent.
    unsent: Option<Box<Request<Full<Bytes>>>>,
}

impl PooledConnection {
    async fn on(transport: Box<dyn Transport>) -> Result<Self, Error> {
        let (requests, driver) = handshake(TokioIo::new(transport)).await.map_err(broken)?;
        Ok(Self { requests, driver: Some(Box::pin(driver)) })
    }

    /// Moves the connection on; whether it is over.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driver, cx);
        self.driver.is_none()
    }

    /// Polls the connection once, so that an end since its last use is noticed.
    fn is_ready(&mut self) -> bool {
        !self.poll_over(&mut Context::from_waker(Waker::noop())) && self.requests.is_ready()
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>, limit: usize) -> Result<Answer, Unanswered> {
        let Self { requests, driver } = self;
        let mut exchange = pin!(exchange(requests, request, limit));
        poll_fn(|cx| {
            // The end of a connection is known to the exchange as well, which may have its answer already.
            drive(driver, cx);
            match exchange.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(answer),
                Poll::Pending => {
                    // The exchange may have given the driver something to do, which nothing else would wake it for.
                    if drive(driver, cx) {
                        cx.waker().wake_by_ref();
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// Moves a connection on, and lets go of it at its end; whether that was now.
fn drive(driver: &mut Option<Pin<Box<Driver>>>, cx: &mut Context<'_>) -> bool {
    let is_over = driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready());
    if is_over {
        *driver = None;
    }
    is_over
}

async fn exchange(
    requests: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    limit: usize,
) -> Result<Answer, Unanswered> {
    let response = requests.try_send_request(request).await.map_err(|mut error| {
        let unsent = error.take_message().map(Box::new);
        Unanswered { error: broken(error.into_error()), unsent }
    })?;
    read(response, limit).await.map_err(|error| Unanswered { error: broken(error), unsent: None })
}

async fn read(response: Response<Incoming>, limit: usize) -> Result<Answer, hyper::Error> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    let mut is_cut = false;
    while !is_cut && let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = limit - body.len();
            is_cut = data.len() > room;
            body.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(Answer { status: head.status, headers: head.headers, body: body.into(), is_cut })
}

fn broken(error: hyper::Error) -> Error {
    Error::new(ErrorKind::Connection, "the connection broke before the response came").with_source(error)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;
    use crate::{ClientKind, Tls};

    const ENOUGH: Duration = Duration::from_secs(60);

    /// A connection, and the other side of it.
    async fn pooled() -> (PooledConnection, DuplexStream) {
        let (ours, theirs) = duplex(4096);
        (PooledConnection::on(Box::new(ours)).await.expect("a connection"), theirs)
    }

    fn request() -> Request<Full<Bytes>> {
        Request::get("/").header("host", "h").body(Full::default()).expect("a request")
    }

    async fn answer(server: &mut DuplexStream) {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(server.read_u8().await.expect("a request"));
        }
        server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("it is read");
    }

    /// A host of which a connection is kept that was used once, and the other side of that.
    async fn kept() -> (Http, DuplexStream) {
        let (mut line, mut server) = pooled().await;
        let dialler = Dialler::new(ClientKind::Agent, "http://127.0.0.1:1", &Tls::new(), ENOUGH).expect("a dialler");
        let http = Http::new(dialler);
        let (answered, ()) = tokio::join!(line.ask(request(), 10), answer(&mut server));
        let answered = answered.ok().expect("an answer");
        assert_eq!(http.answered(line, answered).body, "ok");
        (http, server)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_on_a_connection_that_has_ended_comes_back() {
        let (mut line, server) = pooled().await;
        drop(server);
        let unanswered = timeout(ENOUGH, line.ask(request(), 10)).await.expect("it does not wait");
        assert!(unanswered.expect_err("nobody answers").unsent.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_closed_when_it_is_idle_for_long() {
        let (_http, mut server) = kept().await;
        assert_eq!(timeout(ENOUGH, server.read(&mut [0])).await.expect("it is closed").expect("in order"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_the_other_side_closes_is_not_kept() {
        let (http, mut server) = kept().await;
        server.shutdown().await.expect("open");
        assert_eq!(timeout(IDLE_LIMIT / 2, server.read(&mut [0])).await.expect("at once").expect("in order"), 0);
        assert!(http.kept().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_kept_is_used_again() {
        let (http, mut server) = kept().await;
        let (again, ()) = tokio::join!(http.ask(request(), 10), answer(&mut server));
        assert_eq!(again.expect("an answer").body, "ok");
        drop(http);
        assert_eq!(timeout(IDLE_LIMIT / 2, server.read(&mut [0])).await.expect("at once").expect("in order"), 0);
    }
}
