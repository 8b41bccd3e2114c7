//! [`Market`]: moves prices, and opens, changes and closes positions. It stores each change before dashboards get it.

use std::sync::Arc;
use std::time::Duration;

use platools_gateway::domain::ids::AgentId;
use platools_gateway::feed::{Event, Feed};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::portfolio::{PRICES, Portfolio};
use crate::position::{Position, PositionUpdate, PriceUpdate};
use crate::prices::Price;
use crate::replay::{Asset, Replay};

/// Positions are those of the first assets, one of which is named in HTML.
const TRADED: usize = 4;

/// Something is done with a position every so many steps.
const PAUSE: usize = 4;

/// More are not opened.
const MOST_POSITIONS: usize = 6;

/// The wallets of the agent.
const WALLETS: [&str; 2] = ["wallet-1", "wallet-2"];

/// The agreed price of an asset that has no other, in SOL.
const AGREED_PRICE: f64 = 0.5;

/// The market, and the agent that trades there.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) portfolio: Portfolio,
    pub(crate) replay: Arc<Replay>,
    pub(crate) agent: AgentId,
    /// The feed of the gateway that runs.
    pub(crate) feed: watch::Receiver<Feed>,
}

impl Market {
    /// Opens the positions to begin with, in two wallets. One is in an asset without a price.
    pub(crate) async fn prepare(&self) -> anyhow::Result<()> {
        let store = &self.portfolio.store;
        for wallet in WALLETS {
            store.add_wallet(&self.agent, wallet).await?;
        }
        let unpriced = self.replay.assets.iter().find(|asset| asset.price.is_none());
        for (number, asset) in self.replay.assets[..TRADED - 1].iter().chain(unpriced).enumerate() {
            let price = asset.price.unwrap_or(AGREED_PRICE);
            let bought = store.open_position(WALLETS[number % 2], &asset.address, 100.0, price).await?;
            if asset.price.is_some() {
                store.set_limits(&bought.id, price * 0.5, price * 2.0).await?;
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

    /// Publishes each price once. The feed knows which agents hold the asset.
    async fn move_prices(&self, number: usize) -> anyhow::Result<()> {
        let moves = self.replay.step(number);
        self.portfolio.store.set_prices(moves).await?;
        self.portfolio.prices.note(moves);
        let feed = self.feed();
        for change in moves {
            let update = PriceUpdate::new(&change.address, Price::of(change.price));
            feed.publish_value(PRICES.key(&change.address), &update)?;
        }
        for position in self.positions().await?.into_iter().filter(Position::is_over) {
            self.close(position).await?;
        }
        Ok(())
    }

    /// Opens a position, moves the limits of one, or closes one, in turns.
    async fn trade(&self, turn: usize) -> anyhow::Result<()> {
        let positions = self.positions().await?;
        // An asset without a price finds no buyer.
        let sellable: Vec<_> = positions.iter().filter(|position| position.has_price()).collect();
        match turn % 3 {
            0 if positions.len() < MOST_POSITIONS => {
                self.open(&self.replay.assets[turn % TRADED], WALLETS[turn % 2]).await
            }
            1 if !sellable.is_empty() => self.move_limits(sellable[turn % sellable.len()]).await,
            2 if sellable.len() > TRADED - 1 => self.close(sellable[0].clone()).await,
            _ => Ok(()),
        }
    }

    async fn open(&self, asset: &Asset, wallet: &str) -> anyhow::Result<()> {
        let price = self.portfolio.prices.of(&[&asset.address]).await?.get(&asset.address).copied();
        let price = price.map_or(AGREED_PRICE, |price| price.sol);
        let holding = self.portfolio.store.open_position(wallet, &asset.address, 50.0, price).await?;
        self.portfolio.watch_tokens(&self.agent, &self.feed()).await?;
        let position = self.portfolio.position(holding).await?;
        self.tell(&PositionUpdate::Created { position })
    }

    async fn move_limits(&self, position: &Position) -> anyhow::Result<()> {
        let (low, high) = (position.current_price * 0.8, position.current_price * 1.25);
        let holding = self.portfolio.store.set_limits(&position.holding.id, low, high).await?;
        let position = self.portfolio.position(holding).await?;
        self.tell(&PositionUpdate::Updated { position })
    }

    async fn close(&self, position: Position) -> anyhow::Result<()> {
        let position_id = position.holding.id;
        self.portfolio.store.close_position(&position_id).await?;
        self.portfolio.watch_tokens(&self.agent, &self.feed()).await?;
        self.tell(&PositionUpdate::Closed { position_id })
    }

    async fn positions(&self) -> anyhow::Result<Vec<Position>> {
        self.portfolio.positions(&self.agent).await
    }

    fn tell(&self, update: &PositionUpdate) -> anyhow::Result<()> {
        self.feed().publish(&self.agent, Event::new("position_update", update))?;
        Ok(())
    }

    fn feed(&self) -> Feed {
        self.feed.borrow().clone()
    }
}
