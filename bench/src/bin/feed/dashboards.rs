//! Plays all dashboards of the load test, in a process of its own. Each dashboard connects, reads until it has the last values, and counts
//! its messages in [`Seen`].

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use futures::{SinkExt as _, future::try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// So many connect at once.
const CONNECTING: usize = 32;

/// How long the last values may take when all is published, and how long a dashboard may hear nothing.
const PATIENCE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the dashboards are told.
#[derive(Serialize, Deserialize)]
pub struct Plan {
    pub token: String,
    /// Each agent with the keys that it watches.
    pub agents: Vec<(String, Vec<u64>)>,
    pub keys: u64,
    /// Agents share values, which are named by their key and not by their agent.
    pub is_shared: bool,
}

/// What one dashboard saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    pub batches: u64,
    pub values: u64,
    pub bytes: u64,
    /// Values that were older than, or the same as, one of their key before, or another agent's, or of a key that the agent does not watch.
    pub wrong: u64,
    /// Snapshots beside the first: it was too slow.
    pub snapshots: u64,
    /// The keys that the agent watches, with the last number of each.
    pub last: BTreeMap<u64, u64>,
    /// How many values took so many milliseconds, up to the last, which has all that took longer.
    pub delays: Vec<u64>,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    updates: Vec<Update<'a>>,
}

#[derive(Deserialize)]
struct Update<'a> {
    #[serde(rename = "tokenAddress")]
    token: &'a str,
    key: u64,
    number: u64,
    at: u64,
}

pub async fn run(url: &str) -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let Plan { token, agents, keys, is_shared } = serde_json::from_str(&line)?;
    let base = url.replace("http://", "ws://");
    let open = |(agent, watched): (String, Vec<u64>)| {
        open(format!("{base}/ws?token={token}&agentId={agent}"), if is_shared { None } else { Some(agent) }, watched)
    };
    let opened: Vec<_> = stream::iter(agents).map(open).buffer_unordered(CONNECTING).try_collect().await?;
    say("connected")?;
    let follow = opened
        .into_iter()
        .map(|(socket, agent, watched)| async move { tokio::spawn(follow(socket, agent, watched, keys)).await? });
    let seen = try_join_all(follow).await?;
    say(&serde_json::to_string(&seen)?)
}

/// Tells the other process.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn open(
    url: String,
    agent: Option<String>,
    watched: Vec<u64>,
) -> anyhow::Result<(Socket, Option<String>, Vec<u64>)> {
    // 2000 buffers of the usual 128 KiB would be the larger part of this process.
    let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
    let (mut socket, _) = timeout(PATIENCE, connect_async_with_config(url, Some(config), true)).await??;
    for kind in ["connected", "initial_data"] {
        let message = timeout(PATIENCE, socket.next()).await?.context("the connection ended")??;
        if serde_json::from_str::<Incoming<'_>>(message.to_text()?)?.r#type != kind {
            bail!("`{kind}` was expected, and this came: {message}");
        }
    }
    Ok((socket, agent, watched))
}

/// Reads until all is published and the last values are there, as far as they come.
async fn follow(mut socket: Socket, agent: Option<String>, watched: Vec<u64>, keys: u64) -> anyhow::Result<Seen> {
    let last = watched.into_iter().map(|key| (key, 0)).collect();
    let mut seen = Seen { last, delays: vec![0; 2001], ..Seen::default() };
    let mut over = None;
    while over.is_none_or(|last| !seen.has_all(last, keys)) {
        let Ok(message) = timeout(PATIENCE, socket.next()).await else { break };
        let Some(Ok(message)) = message else { break };
        let Message::Text(text) = message else { continue };
        let incoming: Incoming<'_> = serde_json::from_str(&text)?;
        match incoming.r#type {
            "price_update_batch" => seen.take(incoming.data.context("no data")?, agent.as_deref(), text.len())?,
            "ping" => socket.send(Message::text(r#"{"type":"pong"}"#)).await?,
            "over" => over = Some(serde_json::from_str(incoming.data.context("no data")?.get())?),
            "initial_data" => seen.snapshots += 1,
            other => bail!("an unexpected `{other}`"),
        }
    }
    Ok(seen)
}

impl Seen {
    /// Whether each key has the value that it had last, when so many were published.
    pub fn has_all(&self, last: u64, keys: u64) -> bool {
        self.last.iter().all(|(key, number)| *number == last - (last + keys - key) % keys)
    }

    fn take(&mut self, data: &RawValue, agent: Option<&str>, bytes: usize) -> anyhow::Result<()> {
        let batch: Batch<'_> = serde_json::from_str(data.get())?;
        let now = u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?;
        (self.batches, self.bytes) = (self.batches + 1, self.bytes + bytes as u64);
        for update in batch.updates {
            self.values += 1;
            let Some(last) = self.last.get_mut(&update.key) else {
                self.wrong += 1;
                continue;
            };
            self.wrong += u64::from(update.number <= *last || agent.is_some_and(|agent| update.token != agent));
            *last = update.number;
            let slot = usize::try_from(now.saturating_sub(update.at))?.min(self.delays.len() - 1);
            self.delays[slot] += 1;
        }
        Ok(())
    }
}
