//! A worker of an afternoon: a runtime of one thread, tungstenite, typed serde_json, and replies fed and flushed in batches.

use futures::{FutureExt, SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    call_id: &'a str,
    #[serde(default)]
    tool_name: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize)]
struct Echo {
    text: String,
}

#[derive(Serialize)]
struct Reply<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    call_id: &'a str,
    result: T,
    latency_ms: u64,
}

/// Serves one socket until it ends.
pub fn run(url: &str) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(url))
}

async fn serve(url: &str) -> anyhow::Result<()> {
    let address = url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{address}/ws/sdk"), stream).await?;
    socket.send(Message::text(r#"{"type":"tool_register","tools":[]}"#)).await?;
    while let Some(message) = socket.next().await {
        let mut message = message?;
        loop {
            if let Message::Text(text) = &message
                && let Some(reply) = reply(text)?
            {
                socket.feed(Message::text(reply)).await?;
            }
            match socket.next().now_or_never() {
                Some(Some(next)) => message = next?,
                Some(None) => return Ok(()),
                None => break,
            }
        }
        socket.flush().await?;
    }
    Ok(())
}

/// The reply to a call; `None` for any other frame.
fn reply(text: &str) -> anyhow::Result<Option<String>> {
    let call: Call = serde_json::from_str(text)?;
    let ("tool_call", Some(params)) = (call.kind, call.params.map(RawValue::get)) else { return Ok(None) };
    Ok(Some(match call.tool_name {
        "add" => {
            let Add { a, b } = serde_json::from_str(params)?;
            result(call.call_id, a + b)?
        }
        "echo" => result(call.call_id, serde_json::from_str::<Echo>(params)?.text)?,
        other => anyhow::bail!("unknown tool {other}"),
    }))
}

fn result<T: Serialize>(call_id: &str, result: T) -> serde_json::Result<String> {
    serde_json::to_string(&Reply { kind: "tool_result", call_id, result, latency_ms: 0 })
}
