//! [`Replacement`]: opens a worker's next socket while the platform is about to close the present one.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use tokio::time::{Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::{info, warn};

use super::connector::Connector;
use super::handover::OpenedSocket;
use platools_protocol::tool_sync::PlatformFrame;
use platools_transport::Socket;
use platools_transport::{Error, ErrorKind, WithCauses};
use platools_transport::{Reconnect, Schedule};

/// Looks for a replacement while the socket before it still serves.
#[derive(Debug)]
pub(crate) struct Replacement {
    /// `None` where a socket is to have no replacement.
    means: Option<Means>,
    search: Option<Search>,
}

/// The way to find a replacement.
#[derive(Debug)]
struct Means {
    connector: Connector,
    schedule: Schedule,
    searched: bool,
}

/// A search that is under way.
struct Search {
    registration: Utf8Bytes,
    step: SearchStep,
}

enum SearchStep {
    Attempt(BoxFuture<'static, Result<Box<OpenedSocket>, Error>>),
    Wait(Pin<Box<Sleep>>),
    GivenUp,
}

impl Replacement {
    /// Finds one by dialling, as often as the policy allows.
    pub(crate) fn new(connector: Connector, reconnect: Reconnect) -> Self {
        let means = Means { connector, schedule: Schedule::new(reconnect), searched: false };
        Self { means: Some(means), search: None }
    }

    /// Finds none.
    pub(crate) fn none() -> Self {
        Self { means: None, search: None }
    }

    /// Begins to look for one, unless that is under way. It registers with that frame; `up` is how long the socket before it
    /// is open.
    pub(super) fn find(&mut self, registration: Utf8Bytes, up: Duration) {
        if let Some(means) = self.means.as_mut().filter(|_| self.search.is_none()) {
            let step = means.begin(&registration, up);
            self.search = Some(Search { registration, step });
        }
    }

    /// Waits for one to be accepted; for ever, if none is looked for. Cancel-safe: the search goes on where it was.
    pub(super) async fn found(&mut self) -> Box<OpenedSocket> {
        let (Some(means), Some(search)) = (&mut self.means, &mut self.search) else { return pending().await };
        let next = means.search(search).await;
        self.search = None;
        next
    }

    /// Ends the search, but for an attempt that is under way: the platform may have closed the old socket in favour of that
    /// very one.
    pub(crate) async fn last_attempt(&mut self) -> Option<Box<OpenedSocket>> {
        let Search { step: SearchStep::Attempt(attempt), .. } = self.search.take()? else { return None };
        attempt.await.inspect_err(not_found).ok()
    }
}

impl Means {
    /// The first search begins at once. Later ones begin with a wait, which grows for a platform that wants every new socket
    /// moved at once.
    fn begin(&mut self, registration: &Utf8Bytes, up: Duration) -> SearchStep {
        if !std::mem::replace(&mut self.searched, true) {
            return self.attempt(registration);
        }
        self.schedule.after_session(true, up);
        self.wait()
    }

    async fn search(&mut self, search: &mut Search) -> Box<OpenedSocket> {
        loop {
            search.step = match &mut search.step {
                SearchStep::Attempt(attempt) => match attempt.await {
                    Ok(next) => return next,
                    Err(error) => {
                        not_found(&error);
                        self.wait()
                    }
                },
                SearchStep::Wait(wait) => {
                    wait.await;
                    self.attempt(&search.registration)
                }
                // The old socket goes on, and when it ends the policy decides anew.
                SearchStep::GivenUp => pending().await,
            };
        }
    }

    fn attempt(&self, registration: &Utf8Bytes) -> SearchStep {
        SearchStep::Attempt(attempt(self.connector.clone(), registration.clone()).boxed())
    }

    fn wait(&mut self) -> SearchStep {
        match self.schedule.next_attempt() {
            Some((_, delay)) => SearchStep::Wait(Box::pin(sleep(delay))),
            None => SearchStep::GivenUp,
        }
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}

/// Opens a socket, registers, and waits until the platform treats the worker as one of its own.
async fn attempt(connector: Connector, registration: Utf8Bytes) -> Result<Box<OpenedSocket>, Error> {
    let (mut socket, secret) = connector.dial().await?;
    socket.queue(registration.clone());
    let limit = connector.time_limit();
    let heard = timeout(limit, acceptance(&mut socket)).await.map_err(|_| failed("it was not accepted in time"))??;
    info!("new socket took over");
    Ok(Box::new(OpenedSocket { socket, secret, registration: Some(registration), heard }))
}

/// Reads frames up to the first that only an accepted worker gets, and returns them.
async fn acceptance(socket: &mut Socket) -> Result<Vec<Utf8Bytes>, Error> {
    let mut heard = Vec::new();
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let accepted = match PlatformFrame::parse(&text) {
                    Ok(PlatformFrame::Error { error }) => return Err(Error::new(ErrorKind::Refused, error)),
                    Ok(frame) => accepts(&frame),
                    Err(_) => false,
                };
                heard.push(text);
                if accepted {
                    return Ok(heard);
                }
            }
            Some(Ok(Message::Close(_))) | None => return Err(failed("it was closed")),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(failed("it broke").with_source(error)),
        }
    }
}

/// Returns true for a frame that a platform sends to accepted workers only.
pub(super) fn accepts(frame: &PlatformFrame<'_>) -> bool {
    use PlatformFrame::{HeartbeatAck, ToolCall, ToolsRegistered, Welcome};
    matches!(frame, Welcome(_) | ToolsRegistered(_) | HeartbeatAck {} | ToolCall(_))
}

fn not_found(error: &Error) {
    warn!(error = %WithCauses(error), "new socket not opened yet; trying again");
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Connection, message)
}
