//! [`Driven`]: plays the platform for one worker of the benchmark. It keeps a fixed number of calls in flight and counts the replies.
//!
//! The driver must cost less than the worker that it measures. So it renders each call once, writes only the id into the bytes before it
//! sends them, and reads only the beginning of a reply.

use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::frames::{self, Frame};
use crate::workers::Kind;

const PATIENCE: Duration = Duration::from_secs(30);

/// Ids are as long as those of a real platform: the first digits are the call's slot, the others are used once.
const ID_DIGITS: usize = 20;
const SLOT_DIGITS: usize = 4;

/// So many bytes of a frame are looked at.
const LOOK: usize = 128;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    Add,
    /// The same sum, of a tool that waits once before it returns.
    Await,
    /// A text of so many bytes.
    Echo(usize),
}

impl Load {
    pub fn label(self) -> String {
        match self {
            Self::Add => "add".to_owned(),
            Self::Await => "await".to_owned(),
            Self::Echo(bytes) => format!("echo {} KiB", bytes / 1024),
        }
    }

    /// A call as the frame it travels in, and where its id is.
    fn call(self) -> Template {
        let tail = match self {
            Self::Add => r#"","tool_name":"add","params":{"a":2,"b":40}}"#.to_owned(),
            Self::Await => r#"","tool_name":"wait","params":{"a":2,"b":40}}"#.to_owned(),
            Self::Echo(bytes) => {
                format!(r#"","tool_name":"echo","params":{{"text":"{}"}}}}"#, "x".repeat(bytes))
            }
        };
        const HEAD: &str = r#"{"type":"tool_call","call_id":""#;
        let mut bytes = Vec::new();
        frames::push_header(&mut bytes, HEAD.len() + ID_DIGITS + tail.len(), false);
        bytes.extend_from_slice(HEAD.as_bytes());
        let id = bytes.len();
        bytes.extend_from_slice(&[b'0'; ID_DIGITS]);
        bytes.extend_from_slice(tail.as_bytes());
        Template { bytes, id }
    }
}

impl FromStr for Load {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "add" => Ok(Self::Add),
            "await" => Ok(Self::Await),
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

/// A call as the frame it travels in, and where its id is.
struct Template {
    bytes: Vec<u8>,
    id: usize,
}

/// A worker that has dialled.
pub struct Driven {
    kind: Kind,
    stream: TcpStream,
    input: Vec<u8>,
    /// Where the bytes begin that were not treated, and where they end.
    start: usize,
    end: usize,
    /// Bytes to be written, and how many of them were.
    output: Vec<u8>,
    written: usize,
    /// How many calls there were, of all runs.
    calls: u64,
    /// `None` for a worker that was started by hand.
    process: Option<Child>,
}

/// A frame of the worker.
enum Heard {
    Result { slot: usize },
    Other,
}

impl Heard {
    /// A result, from the first digit of its id.
    fn result(id: &[u8]) -> Self {
        Self::Result { slot: id.iter().take(SLOT_DIGITS).fold(0, |slot, digit| slot * 10 + usize::from(digit - b'0')) }
    }
}

impl Driven {
    pub async fn start(kind: Kind, python: Option<&Path>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let process = kind.spawn(&format!("http://{}", listener.local_addr()?), python)?;
        Self::accept(kind, &listener, Some(process)).await
    }

    /// Waits for a worker to dial and to register.
    async fn accept(kind: Kind, listener: &TcpListener, process: Option<Child>) -> anyhow::Result<Self> {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.context("the worker did not dial")??;
        stream.set_nodelay(true)?;
        let (input, output) = (vec![0; 512 * 1024], Vec::new());
        let mut driven = Self { kind, stream, input, start: 0, end: 0, output, written: 0, calls: 0, process };
        timeout(PATIENCE, driven.welcome()).await.context("the worker did not register")??;
        Ok(driven)
    }

    /// Answers the upgrade, waits for the registration, and welcomes the worker.
    async fn welcome(&mut self) -> anyhow::Result<()> {
        let length = loop {
            match frames::head_length(&self.input[..self.end]) {
                Some(length) => break length,
                None => self.read().await?,
            }
        };
        let head = std::str::from_utf8(&self.input[..length])?;
        let is_key = |line: &&str| line.to_ascii_lowercase().starts_with("sec-websocket-key:");
        let key = head.lines().find(is_key).and_then(|line| line.split_once(':')).context("a WebSocket's key")?.1;
        let accept = derive_accept_key(key.trim().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        self.start = length;
        self.stream.write_all(answer.as_bytes()).await?;
        while self.next_frame()?.is_none() {
            self.read().await?;
        }
        self.say(r#"{"type":"welcome","sdk_connection_id":"bench","organization_id":"bench"}"#);
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read(&mut self.input[self.end..]).await?;
        anyhow::ensure!(read > 0, "the worker hung up");
        self.end += read;
        Ok(())
    }

    /// Queues a frame.
    fn say(&mut self, text: &str) {
        frames::push_header(&mut self.output, text.len(), false);
        self.output.extend_from_slice(text.as_bytes());
    }

    /// Queues a call. Its id was never used before: a worker does not run a call twice.
    fn call(&mut self, slot: usize, template: &Template) {
        let id = self.output.len() + template.id;
        self.output.extend_from_slice(&template.bytes);
        let (first, rest) = self.output[id..id + ID_DIGITS].split_at_mut(SLOT_DIGITS);
        write_digits(first, slot as u64);
        write_digits(rest, self.calls);
        self.calls += 1;
    }

    /// Writes what the connection takes.
    fn write(&mut self) -> anyhow::Result<()> {
        while self.written < self.output.len() {
            match self.stream.try_write(&self.output[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Waits until something has come, and writes meanwhile: were both ends to write and neither to read, large payloads would block
    /// both for ever.
    async fn exchange(&mut self) -> anyhow::Result<()> {
        loop {
            self.write()?;
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            match self.stream.try_read(&mut self.input[self.end..]) {
                Ok(0) => anyhow::bail!("the worker hung up"),
                Ok(bytes) => {
                    self.end += bytes;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            let interest = match self.output.is_empty() {
                true => Interest::READABLE,
                false => Interest::READABLE | Interest::WRITABLE,
            };
            self.stream.ready(interest).await?;
        }
    }

    /// The next frame, if all of it was read.
    fn next_frame(&mut self) -> anyhow::Result<Option<Heard>> {
        let Some(frame) = Frame::of(&self.input[self.start..self.end]) else { return Ok(None) };
        let (from, to) = (self.start + frame.header, self.start + frame.header + frame.length);
        if to > self.end {
            return Ok(None);
        }
        self.start = to;
        let looked_at = &mut self.input[from..to.min(from + LOOK)];
        frames::mask(looked_at, frame.key);
        anyhow::ensure!(frame.opcode == 1, "{:?} sent a frame of kind {}", self.kind, frame.opcode);
        let text = &*looked_at;
        if let Some(rest) = text.strip_prefix(br#"{"type":"tool_result","call_id":""#) {
            return Ok(Some(Heard::result(rest)));
        }
        if has(text, b"\"tool_result\"") {
            let id = find(text, b"\"call_id\"").context("an id at the beginning of a result")? + 9;
            let to_digits = text[id..].iter().position(u8::is_ascii_digit).context("an id of digits")?;
            return Ok(Some(Heard::result(&text[id + to_digits..])));
        }
        anyhow::ensure!(!has(text, b"tool_error"), "{:?} sent {}", self.kind, String::from_utf8_lossy(text));
        if has(text, b"\"heartbeat\"") {
            self.say(r#"{"type":"heartbeat_ack"}"#);
        }
        Ok(Some(Heard::Other))
    }

    /// The processor time the worker has used so far; `None` where there is no `/proc`.
    fn cpu_time(&self) -> Option<Duration> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.as_ref()?.id()?)).ok()?;
        // In nanoseconds, of each thread that is left; those of a worker do not end.
        let nanos = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            stat.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Duration::from_nanos(tasks.flatten().filter_map(nanos).sum()))
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}

fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

/// Every worker under every load, in turn, as often as asked.
#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
pub async fn measure(workers: &mut [Driven], plan: &Plan) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for _ in 0..plan.repetitions {
        for &load in &plan.loads {
            for &in_flight in &plan.in_flight {
                for worker in &mut *workers {
                    drive(worker, load, in_flight, Span::Time(plan.span / 5)).await?;
                    let before = worker.cpu_time();
                    let run = drive(worker, load, in_flight, Span::Time(plan.span)).await?;
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

/// The length of a run.
#[derive(Debug, Clone, Copy)]
pub enum Span {
    Time(Duration),
    Calls(usize),
}

/// Makes so many calls to a worker that was started by hand, such as in a profiler, and dials this address.
pub async fn count(address: &str, load: Load, in_flight: usize, calls: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let mut worker = Driven::accept(Kind::Default, &listener, None).await?;
    drive(&mut worker, load, in_flight, Span::Calls(calls)).await.map(drop)
}

/// Keeps calls in flight for a span of time, or until there were so many.
async fn drive(worker: &mut Driven, load: Load, in_flight: usize, span: Span) -> anyhow::Result<Measured> {
    let template = load.call();
    let mut latencies = Vec::with_capacity(1 << 20);
    let begin = Instant::now();
    let mut sent_at = vec![begin; in_flight];
    (0..in_flight).for_each(|slot| worker.call(slot, &template));
    let (mut made, mut outstanding, mut now) = (in_flight, in_flight, begin);
    while outstanding > 0 {
        timeout(PATIENCE, worker.exchange()).await.context("a call was not answered")??;
        now = Instant::now();
        while let Some(heard) = worker.next_frame()? {
            let Heard::Result { slot } = heard else { continue };
            latencies.push(now - sent_at[slot]);
            let goes_on = match span {
                Span::Time(time) => now - begin < time,
                Span::Calls(calls) => made < calls,
            };
            if goes_on {
                made += 1;
                sent_at[slot] = now;
                worker.call(slot, &template);
            } else {
                outstanding -= 1;
            }
        }
    }
    latencies.sort_unstable();
    let median_latency = latencies[latencies.len() / 2];
    Ok(Measured { calls: latencies.len() as u64, took: now.duration_since(begin), median_latency })
}
