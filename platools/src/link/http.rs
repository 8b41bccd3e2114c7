//! HTTP requests to the host of a dialler, over the connections it opens.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::connect::{Dialler, Transport};
use crate::error::{Error, ErrorKind};

/// How long a connection is kept for the next request: less than any server that is known to us waits for that.
const IDLE_LIMIT: Duration = Duration::from_secs(8);

/// Asks one host. A connection is kept for the next request; requests at the same time have one each.
pub(crate) struct Http {
    dialler: Dialler,
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    line: Line,
    since: Instant,
}

/// What a host answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body went on beyond the limit.
    pub(crate) is_cut: bool,
}

impl Http {
    pub(crate) fn new(dialler: Dialler) -> Self {
        Self { dialler, idle: Mutex::default() }
    }

    /// Makes a request, and reads no more than so much of the answer's body. Dropping the future ends the request's
    /// connection.
    pub(crate) async fn ask(&self, mut request: Request<Full<Bytes>>, limit: usize) -> Result<Answer, Error> {
        if let Some(mut line) = self.idle() {
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

    async fn dial(&self) -> Result<Line, Error> {
        let transport = TokioIo::new(self.dialler.transport().await?);
        let (requests, driver) = handshake(transport).await.map_err(broken)?;
        Ok(Line { requests, driver: Box::pin(driver), is_over: false })
    }

    /// The connection that is kept, if it can still be used.
    fn idle(&self) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (idle.since.elapsed() < IDLE_LIMIT && idle.line.is_ready()).then_some(idle.line)
    }

    fn answered(&self, line: Line, answer: Answer) -> Answer {
        if !line.is_over && !answer.is_cut {
            let idle = Idle { line, since: Instant::now() };
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(idle);
        }
        answer
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("dialler", &self.dialler).finish_non_exhaustive()
    }
}

/// What moves the bytes of a connection while it is polled.
type Driver = Connection<TokioIo<Box<dyn Transport>>, Full<Bytes>>;

/// One connection. Whoever makes a request drives it, so that it needs no task of its own.
struct Line {
    requests: SendRequest<Full<Bytes>>,
    driver: Pin<Box<Driver>>,
    is_over: bool,
}

struct Unanswered {
    error: Error,
    /// The request, where nothing of it was sent.
    unsent: Option<Box<Request<Full<Bytes>>>>,
}

impl Line {
    /// Notices an end that nobody was there to see.
    fn is_ready(&mut self) -> bool {
        self.driver.as_mut().now_or_never().is_none() && self.requests.is_ready()
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>, limit: usize) -> Result<Answer, Unanswered> {
        let Self { requests, driver, is_over } = self;
        let mut exchange = pin!(exchange(requests, request, limit));
        poll_fn(|cx| {
            // The end of a connection is known to the exchange as well, which may have its answer already.
            if !*is_over && driver.as_mut().poll(cx).is_ready() {
                *is_over = true;
            }
            match exchange.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(answer),
                Poll::Pending => {
                    // The exchange may have given the driver something to do, which nothing else would wake it for.
                    if !*is_over && driver.as_mut().poll(cx).is_ready() {
                        *is_over = true;
                        cx.waker().wake_by_ref();
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
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
    Error::new(ErrorKind::Connection, "the connection broke before the answer came").with_source(error)
}
