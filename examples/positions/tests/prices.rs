//! Tests of a dashboard's prices and positions over a WebSocket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use positions::App;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A step of the prices.
const PACE: Duration = Duration::from_millis(20);

/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Dashboard(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Dashboard {
    /// Connects, and reads the snapshot.
    async fn open(app: &App) -> (Self, Vec<Value>) {
        let url = app.dashboard_url().await.unwrap();
        let (socket, _) = timeout(PATIENCE, connect_async(url.expose_secret())).await.unwrap().unwrap();
        let mut dashboard = Self(socket);
        assert_eq!(dashboard.next().await["type"], "connected");
        let snapshot = dashboard.next().await;
        assert_eq!(snapshot["type"], "initial_data");
        (dashboard, snapshot["data"]["positions"].as_array().unwrap().clone())
    }

    async fn next(&mut self) -> Value {
        match timeout(PATIENCE, self.0.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("a message was expected, and this came: {other:?}"),
        }
    }
}

/// Reads on until positions were opened and closed, and checks each price. Returns the number of prices.
async fn follow(dashboard: &mut Dashboard, positions: &[Value]) -> usize {
    let text = |position: &Value, name: &str| position[name].as_str().unwrap().to_owned();
    let mut held: HashMap<_, _> = positions.iter().map(|p| (text(p, "id"), text(p, "tokenAddress"))).collect();
    let (mut prices, mut events) = (0, HashSet::new());
    while prices < 50 || events.len() < 3 {
        let message = dashboard.next().await;
        let data = &message["data"];
        for update in data["updates"].as_array().into_iter().flatten() {
            let token = text(update, "tokenAddress");
            assert!(held.values().any(|known| *known == token), "a price of {token}, and these are held: {held:?}");
            prices += 1;
        }
        if let Some(event) = data["eventType"].as_str() {
            events.insert(event.to_owned());
            match data["positionId"].as_str() {
                Some(closed) => _ = held.remove(closed).expect("a position that was open"),
                None => _ = held.insert(text(&data["position"], "id"), text(&data["position"], "tokenAddress")),
            }
        }
    }
    prices
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_gets_prices_of_the_tokens_that_its_agent_holds_and_of_no_others() {
    let mut app = App::start(0, PACE).await.unwrap();
    let (mut dashboard, positions) = Dashboard::open(&app).await;
    assert!(follow(&mut dashboard, &positions).await >= 50);
    // A new run of the gateway learns of the tokens from the snapshot.
    app.restart_gateway().await.unwrap();
    let (mut dashboard, positions) = Dashboard::open(&app).await;
    assert!(follow(&mut dashboard, &positions).await >= 50);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_without_a_price_is_shown_at_its_purchase_price_and_no_dollars() {
    let app = App::start(0, PACE).await.unwrap();
    let (_dashboard, positions) = Dashboard::open(&app).await;
    let (unpriced, priced): (Vec<_>, Vec<_>) = positions.iter().partition(|p| p["currentPriceUsd"] == 0.0);
    assert!(!unpriced.is_empty() && priced.len() >= 3, "{positions:?}");
    for position in unpriced {
        assert_eq!(position["currentPrice"], position["purchasePrice"]);
        assert_eq!((&position["profitLoss"], &position["profitLossPercent"]), (&0.0.into(), &0.0.into()));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_the_positions_of_all_wallets_of_the_agent() {
    let app = App::start(0, PACE).await.unwrap();
    let (_dashboard, positions) = Dashboard::open(&app).await;
    let wallets: HashSet<_> = positions.iter().map(|position| position["walletAddress"].as_str().unwrap()).collect();
    assert!(wallets.len() >= 2, "{positions:?}");
    app.stop().await;
}
