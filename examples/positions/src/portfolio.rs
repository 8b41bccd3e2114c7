//! [`Portfolio`]: values the positions of agents at present prices, for their dashboards. It also tells the feed which traded assets each
//! agent watches.

use std::error::Error;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_gateway::domain::ids::AgentId;
use platools_gateway::feed::{Feed, FeedSnapshot, KeyedStream, SnapshotProvider, Watched};
use serde_json::json;

use crate::position::{Holding, Position};
use crate::prices::Prices;
use crate::store::Store;

/// Prices, by the address of their asset.
pub(crate) const PRICES: KeyedStream = KeyedStream::new("price_update_batch");

/// The positions of agents. It makes the snapshots of dashboards that connect.
#[derive(Debug, Clone)]
pub(crate) struct Portfolio {
    pub(crate) store: Store,
    pub(crate) prices: Prices,
}

impl Portfolio {
    /// The positions of an agent, the oldest first, at present prices.
    pub(crate) async fn positions(&self, agent: &AgentId) -> anyhow::Result<Vec<Position>> {
        self.priced(self.holdings(agent).await?).await
    }

    /// A position at the present price.
    pub(crate) async fn position(&self, holding: Holding) -> anyhow::Result<Position> {
        let price = self.prices.of(&[&holding.token_address]).await?.get(&holding.token_address).copied();
        Ok(holding.at(price))
    }

    /// Has the agent's dashboard get prices of the assets that the agent holds now, and of no others.
    pub(crate) async fn watch_tokens(&self, agent: &AgentId, feed: &Feed) -> anyhow::Result<Vec<Holding>> {
        let holdings = self.holdings(agent).await?;
        feed.set_keys(agent, PRICES, holdings.iter().map(|holding| &holding.token_address));
        Ok(holdings)
    }

    /// The holdings in all wallets of an agent.
    async fn holdings(&self, agent: &AgentId) -> anyhow::Result<Vec<Holding>> {
        let mut holdings = Vec::new();
        for wallet in self.store.wallets(agent).await? {
            holdings.extend(self.store.holdings(&wallet).await?);
        }
        holdings.sort_by_key(|holding| holding.id.parse::<i64>().unwrap_or(i64::MAX));
        Ok(holdings)
    }

    async fn priced(&self, holdings: Vec<Holding>) -> anyhow::Result<Vec<Position>> {
        let assets: Vec<_> = holdings.iter().map(|holding| &*holding.token_address).collect();
        let prices = self.prices.of(&assets).await?;
        let priced = holdings.into_iter().map(|holding| {
            let price = prices.get(&holding.token_address).copied();
            holding.at(price)
        });
        Ok(priced.collect())
    }
}

impl SnapshotProvider for Portfolio {
    fn snapshot<'a>(
        &'a self,
        watched: &'a Watched,
    ) -> BoxFuture<'a, Result<FeedSnapshot, Box<dyn Error + Send + Sync>>> {
        async move {
            // The assets first and their prices then: a price that moves in between comes after the snapshot.
            let holdings = self.watch_tokens(&watched.agent_id, watched.feed()).await?;
            Ok(FeedSnapshot::of(&json!({"positions": self.priced(holdings).await?}))?)
        }
        .boxed()
    }
}
