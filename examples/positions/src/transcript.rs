//! [`print`]: connects as a dashboard and prints the messages that it gets, for `--once`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// Number of messages of each kind before the transcript ends.
const WANTED: [(&str, usize); 6] = [
    ("connected", 1),
    ("initial_data", 1),
    ("price_update_batch", 5),
    ("position_created", 1),
    ("position_updated", 1),
    ("position_closed", 1),
];

/// Number of messages of each kind that are printed.
const PRINTED: usize = 2;

/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects, and prints until everything was there once.
pub(crate) async fn print(url: &SecretString) -> anyhow::Result<()> {
    let (mut socket, _) = connect_async(url.expose_secret()).await.context("the feed cannot be reached")?;
    let (mut came, mut seen) = (BTreeMap::<String, usize>::new(), Seen::default());
    while !WANTED.iter().all(|(wanted, least)| came.get(*wanted).is_some_and(|number| number >= least)) {
        let message = timeout(PATIENCE, socket.next()).await.context("nothing comes any more")?;
        let Message::Text(text) = message.context("the feed ended")?? else { continue };
        let message: Value = serde_json::from_str(&text)?;
        if message["type"] == "ping" {
            socket.send(Message::text(r#"{"type":"pong"}"#)).await?;
        }
        let (kind, line) = seen.outline(&message);
        let number = came.entry(kind).or_default();
        *number += 1;
        if *number <= PRINTED {
            println!("{line}");
        }
    }
    let Seen { held_prices, other_prices, .. } = seen;
    println!(
        "-- {} batches with {held_prices} prices of assets held and {other_prices} of others, and every kind of change to positions",
        came["price_update_batch"]
    );
    Ok(socket.close(None).await?)
}

/// The messages so far, added up.
#[derive(Default)]
struct Seen {
    /// The assets of positions, by the ids of positions.
    held: HashMap<String, String>,
    held_prices: usize,
    other_prices: usize,
}

impl Seen {
    /// The kind of a message, and a line for it.
    fn outline(&mut self, message: &Value) -> (String, String) {
        let (kind, data) = (message["type"].as_str().unwrap_or_default(), &message["data"]);
        let said = match kind {
            "initial_data" => self.positions(items(data, "positions")),
            "price_update_batch" => self.prices(items(data, "updates")),
            "position_update" => {
                let event = data["eventType"].as_str().unwrap_or_default();
                return (event.to_owned(), format!("{kind:<20} {event} {}", self.change(data)));
            }
            _ => data.to_string(),
        };
        (kind.to_owned(), format!("{kind:<20} {said}"))
    }

    fn positions(&mut self, positions: &[Value]) -> String {
        positions.iter().for_each(|position| self.hold(position));
        let unpriced = positions.iter().filter(|position| position["currentPriceUsd"] == 0.0).count();
        format!("{} positions, {unpriced} of them without a price: at the purchase price", positions.len())
    }

    fn prices(&mut self, updates: &[Value]) -> String {
        let is_held = |update: &&Value| self.held.values().any(|asset| update["tokenAddress"] == asset.as_str());
        let held = updates.iter().filter(is_held).count();
        self.held_prices += held;
        self.other_prices += updates.len() - held;
        format!("{} prices, {held} of them of assets held", updates.len())
    }

    /// Notes a change of a position, and returns its name.
    fn change(&mut self, data: &Value) -> String {
        if let Some(closed) = data["positionId"].as_str() {
            self.held.remove(closed);
            return closed.to_owned();
        }
        self.hold(&data["position"]);
        data["position"]["tokenSymbol"].as_str().unwrap_or_default().to_owned()
    }

    fn hold(&mut self, position: &Value) {
        let text = |name: &str| position[name].as_str().unwrap_or_default().to_owned();
        self.held.insert(text("id"), text("tokenAddress"));
    }
}

fn items<'a>(data: &'a Value, name: &str) -> &'a [Value] {
    data[name].as_array().map_or(&[], Vec::as_slice)
}
