//! A dashboard that prints what it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// So many of each of these have to come before it ends.
const WANTED: [(&str, usize); 6] = [
    ("connected", 1),
    ("initial_data", 1),
    ("price_update_batch", 5),
    ("position_created", 1),
    ("position_updated", 1),
    ("position_closed", 1),
];

/// So many of each kind are printed.
const PRINTED: usize = 2;

/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects, and prints until everything was there once.
pub(crate) async fn print(url: &SecretString) -> anyhow::Result<()> {
    let (mut socket, _) = connect_async(url.expose_secret()).await.context("the feed cannot be reached")?;
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    while !WANTED.iter().all(|(wanted, least)| came.get(*wanted).is_some_and(|number| number >= least)) {
        let message = timeout(PATIENCE, socket.next()).await.context("nothing comes any more")?;
        let Message::Text(text) = message.context("the feed ended")?? else { continue };
        let message: Value = serde_json::from_str(&text)?;
        if message["type"] == "ping" {
            socket.send(Message::text(r#"{"type":"pong"}"#)).await?;
        }
        let (kind, line) = outline(&message);
        let number = came.entry(kind).or_default();
        *number += 1;
        if *number <= PRINTED {
            println!("{line}");
        }
    }
    println!("-- {} batches of prices, and every kind of change to positions", came["price_update_batch"]);
    Ok(socket.close(None).await?)
}

/// What a message is, and a line that says so.
fn outline(message: &Value) -> (String, String) {
    let (kind, data) = (message["type"].as_str().unwrap_or_default(), &message["data"]);
    let count = |name: &str| data[name].as_array().map_or(0, Vec::len);
    let said = match kind {
        "initial_data" => format!("{} positions", count("positions")),
        "price_update_batch" => format!("{} prices", count("updates")),
        "position_update" => {
            let (event, position) = (data["eventType"].as_str().unwrap_or_default(), &data["position"]);
            let of = position["tokenSymbol"].as_str().or(data["positionId"].as_str()).unwrap_or_default();
            return (event.to_owned(), format!("{kind:<20} {event} {of}"));
        }
        _ => data.to_string(),
    };
    (kind.to_owned(), format!("{kind:<20} {said}"))
}
