//! What happens: prices move, positions are opened, changed and closed. Each change is in the store before anybody is told.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_gateway::core::feed::{Event, Feed, KeyedStream, Snapshot, SnapshotProvider, Watched};
use platools_gateway::core::ids::AgentId;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::position::{Position, PositionUpdate, PriceUpdate};
use crate::replay::Replay;
use crate::store::Store;

const PRICES: KeyedStream = KeyedStream::new("price_update_batch");

/// Positions are those of the first tokens, one of which is named in HTML.
const TRADED: usize = 4;

/// Something is done with a position every so many steps.
const PAUSE: usize = 4;

/// More are not opened.
const MOST_POSITIONS: usize = 6;

/// How everything is, for dashboards that connect.
#[derive(Debug)]
pub(crate) struct Positions(pub(crate) Store);

impl SnapshotProvider for Positions {
    fn snapshot<'a>(
        &'a self,
        _watched: &'a Watched,
    ) -> BoxFuture<'a, Result<Snapshot, Box<dyn std::error::Error + Send + Sync>>> {
        async move { Ok(Snapshot::of(&json!({"positions": self.0.positions().await?}))?) }.boxed()
    }
}

/// The market, and whoever trades there.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) store: Store,
    pub(crate) replay: Arc<Replay>,
    pub(crate) agent: AgentId,
    /// The feed of the gateway that runs.
    pub(crate) feed: watch::Receiver<Feed>,
}

impl Market {
    /// Opens the positions to begin with, unless there are some.
    pub(crate) async fn prepare(store: &Store, replay: &Replay) -> anyhow::Result<()> {
        if store.positions().await?.is_empty() {
            for token in &replay.tokens[..TRADED - 1] {
                let bought = store.open_position(&token.address, 100.0).await?;
                store.set_limits(&bought.id, bought.purchase_price * 0.5, bought.purchase_price * 2.0).await?;
            }
        }
        Ok(())
    }

    /// Takes one step after the other. Ends only if something fails.
    pub(crate) async fn run(&self, pace: Duration) -> anyhow::Result<()> {
        let mut pace = interval(pace);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        loop {
            pace.tick().await;
            self.move_prices(number).await?;
            if number % PAUSE == PAUSE - 1 {
                self.trade(number / PAUSE).await?;
            }
            number += 1;
        }
    }

    async fn move_prices(&self, number: usize) -> anyhow::Result<()> {
        let moves = self.replay.step(number);
        self.store.set_prices(moves).await?;
        let feed = self.feed.borrow().clone();
        for change in moves {
            let update = PriceUpdate::new(&change.address, change.price);
            feed.publish_keyed(&self.agent, PRICES.key(&change.address), &update)?;
        }
        for position in self.store.positions().await?.into_iter().filter(Position::is_over) {
            self.close(position).await?;
        }
        Ok(())
    }

    /// Opens a position, moves the limits of one, or closes one, in turns.
    async fn trade(&self, turn: usize) -> anyhow::Result<()> {
        let positions = self.store.positions().await?;
        let oldest = positions.first().cloned();
        match (turn % 3, oldest) {
            (0, _) if positions.len() < MOST_POSITIONS => {
                let token = &self.replay.tokens[turn % TRADED];
                let position = self.store.open_position(&token.address, 50.0).await?;
                self.tell(&PositionUpdate::Created { position })
            }
            (1, _) if !positions.is_empty() => {
                let chosen = &positions[turn % positions.len()];
                let (low, high) = (chosen.current_price * 0.8, chosen.current_price * 1.25);
                let position = self.store.set_limits(&chosen.id, low, high).await?;
                self.tell(&PositionUpdate::Updated { position })
            }
            (2, Some(oldest)) if positions.len() > TRADED - 1 => self.close(oldest).await,
            _ => Ok(()),
        }
    }

    async fn close(&self, position: Position) -> anyhow::Result<()> {
        self.store.close_position(&position.id).await?;
        self.tell(&PositionUpdate::Closed { position_id: position.id })
    }

    fn tell(&self, update: &PositionUpdate) -> anyhow::Result<()> {
        self.feed.borrow().publish(&self.agent, Event::new("position_update", update))?;
        Ok(())
    }
}
