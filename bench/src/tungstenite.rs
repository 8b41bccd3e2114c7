//! A worker on the library tungstenite, without the SDK, for the benchmark to compare. It is as simple as a first attempt: a runtime with
//! one thread, typed JSON, and replies that are flushed in batches.

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::calls::answer;

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
                && let Some(reply) = answer(text)?
            {
                socket.feed(Message::text(serde_json::to_string(&reply)?)).await?;
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
