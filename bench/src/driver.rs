//! The platform's side: keeps calls in flight and counts what comes back.

use std::collections::VecDeque;
use std::fmt::Write;
use std::future::poll_fn;
use std::path::Path;
use std::str::FromStr;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::workers::Kind;

const PATIENCE: Duration = Duration::from_secs(30);

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    Add,
    /// A text of so many bytes.
    Echo(usize),
}

impl Load {
    pub fn label(self) -> String {
        match self {
            Self::Add => "add".to_owned(),
            Self::Echo(bytes) => format!("echo {} KiB", bytes / 1024),
        }
    }

    fn call_tail(self) -> String {
        match self {
            Self::Add => r#"","tool_name":"add","params":{"a":2,"b":40}}"#.to_owned(),
            Self::Echo(bytes) => {
                format!(r#"","tool_name":"echo","params":{{"text":"{}"}}}}"#, "x".repeat(bytes))
            }
        }
    }
}

impl FromStr for Load {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "add" => Ok(Self::Add),
            kib => Ok(Self::Echo(kib.parse::<usize>()? * 1024)),
        }
    }
}

/// What is measured.
#[derive(Debug)]
pub struct Plan {
    pub loads: Vec<Load>,
    pub in_flight: Vec<usize>,
    pub repetitions: usize,
    pub span: Duration,
}

/// One figure of one run.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub kind: Kind,
    pub load: Load,
    pub in_flight: usize,
    pub calls_per_second: f64,
    pub median_latency: Duration,
    /// Processor time of the worker, where the system tells.
    pub cpu_per_call: Option<Duration>,
}

/// A worker that has dialled.
pub struct Driven {
    kind: Kind,
    runs: u64,
    socket: WebSocketStream<TcpStream>,
    queue: VecDeque<Message>,
    process: Child,
}

impl Driven {
    pub async fn start(kind: Kind, python: Option<&Path>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let process = kind.spawn(&format!("http://{}", listener.local_addr()?), python)?;
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.context("the worker did not dial")??;
        stream.set_nodelay(true)?;
        let mut socket = accept_async(stream).await?;
        let registration = timeout(PATIENCE, socket.next()).await.context("the worker did not register")?;
        registration.context("the worker hung up")??;
        let welcome = r#"{"type":"welcome","sdk_connection_id":"bench","organization_id":"bench"}"#;
        socket.send(Message::text(welcome)).await?;
        Ok(Self { kind, runs: 0, socket, queue: VecDeque::new(), process })
    }
}

impl Driven {
    /// Writes what is queued while it waits for the next message: were both ends to write and neither to read, large
    /// payloads would block both for ever.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        self.socket.poll_next_unpin(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.queue.is_empty() {
            ready!(self.socket.poll_ready_unpin(cx))?;
            if let Some(message) = self.queue.pop_front() {
                self.socket.start_send_unpin(message)?;
            }
        }
        self.socket.poll_flush_unpin(cx)
    }

    /// The next message, if there is one already.
    fn try_next(&mut self) -> Option<Received> {
        match self.socket.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => Some(received),
            Poll::Pending => None,
        }
    }

    /// The processor time the worker has used so far; `None` where there is no `/proc`.
    fn cpu_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()?)).ok()?;
        // The name of the program, in parentheses, may hold anything; user and system time are fields 14 and 15.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * 10))
    }
}

type Received = Option<Result<Message, Error>>;

/// Every worker under every load, in turn, as often as asked.
#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
pub async fn measure(workers: &mut [Driven], plan: &Plan) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for _ in 0..plan.repetitions {
        for &load in &plan.loads {
            for &in_flight in &plan.in_flight {
                for worker in &mut *workers {
                    drive(worker, load, in_flight, plan.span / 5).await?;
                    let before = worker.cpu_time();
                    let run = drive(worker, load, in_flight, plan.span).await?;
                    let cpu_time = worker.cpu_time().zip(before).map(|(after, before)| after - before);
                    let sample = Sample {
                        kind: worker.kind,
                        load,
                        in_flight,
                        calls_per_second: run.calls as f64 / run.took.as_secs_f64(),
                        median_latency: run.median_latency,
                        cpu_per_call: cpu_time.map(|time| time.div_f64(run.calls as f64)),
                    };
                    eprintln!("{sample:?}");
                    samples.push(sample);
                }
            }
        }
    }
    Ok(samples)
}

struct Measured {
    calls: u64,
    took: Duration,
    median_latency: Duration,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    call_id: Option<&'a str>,
}

/// Keeps calls in flight for a span of time.
async fn drive(worker: &mut Driven, load: Load, in_flight: usize, span: Duration) -> anyhow::Result<Measured> {
    let tail = load.call_tail();
    worker.runs += 1;
    let mut sent_at = vec![Instant::now(); in_flight];
    let mut latencies = Vec::with_capacity(1 << 20);
    let (mut count, mut outstanding) = (0_u64, in_flight);
    let begin = Instant::now();
    for (slot, sent) in sent_at.iter_mut().enumerate() {
        *sent = Instant::now();
        worker.queue.push_back(call(slot, worker.runs, count, &tail));
        count += 1;
    }
    let mut ended = 0_u64;
    let mut now = Instant::now();
    while outstanding > 0 {
        let mut next =
            Some(timeout(PATIENCE, poll_fn(|cx| worker.poll_next(cx))).await.context("a call was not answered")?);
        while let Some(message) = next {
            if let Message::Text(text) = message.context("the worker hung up")?? {
                now = Instant::now();
                if let Some(slot) = answered(&text, worker.kind)? {
                    latencies.push(now - sent_at[slot]);
                    ended += 1;
                    if begin.elapsed() < span {
                        sent_at[slot] = now;
                        worker.queue.push_back(call(slot, worker.runs, count, &tail));
                        count += 1;
                    } else {
                        outstanding -= 1;
                    }
                } else {
                    worker.queue.push_back(Message::text(r#"{"type":"heartbeat_ack"}"#));
                }
            }
            next = worker.try_next();
        }
    }
    latencies.sort_unstable();
    let median_latency = latencies[latencies.len() / 2];
    Ok(Measured { calls: ended, took: now.duration_since(begin), median_latency })
}

/// Ids differ from those of every other run: a worker does not run a call twice.
fn call(slot: usize, run: u64, count: u64, tail: &str) -> Message {
    let mut text = String::with_capacity(64 + tail.len());
    write!(text, r#"{{"type":"tool_call","call_id":"{slot}.{run}.{count}"#).expect("writing into memory does not fail");
    text.push_str(tail);
    Message::text(text)
}

/// The slot a result belongs to; `None` for a heartbeat.
fn answered(text: &str, kind: Kind) -> anyhow::Result<Option<usize>> {
    let frame: Frame = serde_json::from_str(text)?;
    match (frame.kind, frame.call_id) {
        ("tool_result", Some(call_id)) => {
            let slot = call_id.split('.').next().context("a call id")?;
            Ok(Some(slot.parse()?))
        }
        ("heartbeat", _) => Ok(None),
        _ => anyhow::bail!("{kind:?} sent {}", &text[..text.len().min(300)]),
    }
}
