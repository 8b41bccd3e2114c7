//! [`Connection`]: keeps a client connected to its gateway, with one WebSocket after the other. A [`Protocol`] treats the frames of each
//! socket: `rpc/protocol.rs` for callers, `runtime/protocol.rs` for agents.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use futures::future::Either;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{Instrument, Span, info};

use platools_transport::{
    ConnectionState, Disconnect, Error, ErrorKind, Received, Reconnect, Reporter, Schedule, Socket, next_delay, text,
};

/// Keeps a client connected: opens a socket, serves it until it ends, and opens the next one with backoff, until the client stops or the
/// policy gives up.
///
/// It lives on a task of its own, and ends at once if the task is dropped.
#[derive(Debug)]
pub(crate) struct Connection<P: Protocol> {
    // The protocol is dropped before `stop`: a client that waits for the end of `stop` finds everything cleared.
    pub(crate) protocol: P,
    pub(crate) opener: P::Opener,
    pub(crate) reconnect: Reconnect,
    /// True once the client stops. Its sender sees it closed when the connection has ended.
    pub(crate) stop: watch::Receiver<bool>,
}

/// An open socket, and the gateway's answer to the client's introduction.
#[derive(Debug)]
pub(crate) struct Opened<W> {
    pub(crate) socket: Socket,
    pub(crate) welcome: W,
}

/// Opens the sockets of a client.
pub(crate) trait Opener: Debug + Send + Sync {
    /// The gateway's answer to the client's introduction.
    type Welcome: Send;

    /// Opens a socket and introduces the client on it, with its credentials as they are now.
    fn open(&self) -> impl Future<Output = Result<Opened<Self::Welcome>, Error>> + Send;
}

/// The rules of one protocol. It decides and does no I/O on the socket, which belongs to the [`Connection`].
pub(crate) trait Protocol: Sized + Send {
    /// Events for the application.
    type Event: Clone + Send + 'static;
    type Opener: Opener;

    /// If true, each attempt to open a socket reports [`ConnectionState::Connecting`]. Otherwise the state stays at `Reconnecting` until a
    /// socket is open.
    const REPORTS_ATTEMPTS: bool;

    fn reporter(&self) -> &Reporter<Self::Event>;

    /// Begins with a new socket, reports that the client is connected, and returns the span for the log.
    fn begin(&mut self, welcome: <Self::Opener as Opener>::Welcome, socket: &mut Socket) -> Span;

    /// Returns the next frame of the application, asked for when everything before is written; `None` if the application dropped the client.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Utf8Bytes>>;

    /// Does work that depends on neither the socket nor the timer; ready when some was done.
    fn poll_work(&mut self, _socket: &mut Socket, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// Handles a frame of the gateway.
    fn receive(&mut self, frame: &str, socket: &mut Socket);

    /// Returns the time at which [`tick`](Self::tick) has something to do.
    fn next_deadline(&self, socket: &Socket) -> Instant;

    /// Does the work that is due, and ends a socket that is dead.
    fn tick(&mut self, now: Instant, socket: &mut Socket) -> Option<Disconnect>;

    /// Ends with a socket, before it is closed.
    fn end(&mut self, reason: &Disconnect, socket: &mut Socket);

    /// Takes note of a closed socket.
    fn closed(&mut self, _reason: Disconnect) {}

    /// Works while there is no socket. Dropped as soon as there is one.
    fn work_without_socket(&mut self) -> impl Future<Output = Infallible> + Send {
        pending()
    }

    /// Ends the connection: after a stop, or with the error because of which the policy gave up.
    fn finish(connection: &mut Connection<Self>, outcome: Result<(), Error>) -> impl Future<Output = ()> + Send;
}

impl<P: Protocol> Connection<P> {
    /// Stays connected until the client stops or the policy gives up. Begins with the first socket, if that is open.
    pub(crate) async fn run(mut self, first: Option<OpenedFor<P>>) {
        let outcome = self.keep_connected(first).await;
        P::finish(&mut self, outcome).await;
    }

    async fn keep_connected(&mut self, first: Option<OpenedFor<P>>) -> Result<(), Error> {
        let mut schedule = Schedule::new(self.reconnect.clone());
        let mut next = match first {
            Some(opened) => Some(opened),
            None => self.open(&mut schedule, None).await?,
        };
        while let Some(opened) = next {
            let since = Instant::now();
            let reason = self.serve(opened).await;
            schedule.after_session(true, since.elapsed());
            if reason == Disconnect::Stopped {
                break;
            }
            let lost = Error::new(ErrorKind::Connection, format!("the connection ended: {reason}"));
            next = self.open(&mut schedule, Some(lost)).await?;
        }
        Ok(())
    }

    /// Opens the next socket; `None` if the client stops first.
    async fn open(&mut self, schedule: &mut Schedule, lost: Option<Error>) -> Result<Option<OpenedFor<P>>, Error> {
        let reporter = self.protocol.reporter().clone();
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Ok(None),
            opened = open_with_backoff::<P>(&self.opener, schedule, &reporter, lost) => opened.map(Some),
            never = self.protocol.work_without_socket() => match never {},
        }
    }

    /// Serves one socket until it ends or the client stops.
    pub(crate) async fn serve(&mut self, opened: OpenedFor<P>) -> Disconnect {
        let Opened { mut socket, welcome } = opened;
        let span = self.protocol.begin(welcome, &mut socket);
        let served = async {
            let reason = self.run_socket(&mut socket).await;
            self.protocol.end(&reason, &mut socket);
            socket.end(&reason).await;
            info!(%reason, "socket ended");
            reason
        };
        let reason = served.instrument(span).await;
        self.protocol.closed(reason.clone());
        reason
    }

    /// The event loop of one socket.
    async fn run_socket(&mut self, socket: &mut Socket) -> Disconnect {
        let mut timer = pin!(sleep_until(self.protocol.next_deadline(socket)));
        loop {
            // Every arm is cancel-safe: the socket and the protocol lose nothing, and the timer is kept.
            let wake = tokio::select! {
                wake = poll_fn(|cx| poll_wake(&mut self.protocol, socket, cx)) => wake,
                () = timer.as_mut() => Wake::Timer,
                _ = self.stop.wait_for(|stop| *stop) => Wake::Stop,
            };
            if let Some(reason) = self.handle(wake, socket) {
                return reason;
            }
            let deadline = self.protocol.next_deadline(socket);
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
        }
    }

    fn handle(&mut self, wake: Wake, socket: &mut Socket) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => match text(received) {
                Ok(frame) => frame.iter().for_each(|frame| self.protocol.receive(frame, socket)),
                Err(reason) => return Some(reason),
            },
            Wake::Frame(Some(frame)) => socket.queue(frame),
            Wake::Worked => {}
            Wake::Timer => return self.protocol.tick(Instant::now(), socket),
            Wake::Stop | Wake::Frame(None) => return Some(Disconnect::Stopped),
        }
        None
    }
}

type OpenedFor<P> = Opened<<<P as Protocol>::Opener as Opener>::Welcome>;

/// An event that wakes the loop of a socket.
enum Wake {
    Received(Received),
    Frame(Option<Utf8Bytes>),
    Worked,
    Timer,
    Stop,
}

fn poll_wake<P: Protocol>(protocol: &mut P, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Wake> {
    if protocol.poll_work(socket, cx).is_ready() {
        return Poll::Ready(Wake::Worked);
    }
    socket.poll_next_or(cx, |cx| protocol.poll_frame(cx)).map(|turn| match turn {
        Either::Left(received) => Wake::Received(received),
        Either::Right(frame) => Wake::Frame(frame),
    })
}

/// Opens a socket, after the delay of the policy where a connection or an attempt was lost.
async fn open_with_backoff<P: Protocol>(
    opener: &P::Opener,
    schedule: &mut Schedule,
    reporter: &Reporter<P::Event>,
    mut lost: Option<Error>,
) -> Result<OpenedFor<P>, Error> {
    loop {
        if let Some(error) = lost {
            sleep(next_delay(schedule, error, reporter)?).await;
        }
        if P::REPORTS_ATTEMPTS {
            reporter.state(ConnectionState::Connecting);
        }
        match opener.open().await {
            Ok(opened) => return Ok(opened),
            Err(error) => lost = Some(error),
        }
    }
}
