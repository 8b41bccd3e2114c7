//! [`Publisher`]: publishes prices to the dashboards of the load test, at the pace that [`Load`] sets.

use std::time::{Duration, SystemTime};

use platools_gateway::domain::ids::AgentId;
use platools_gateway::feed::{Event, Feed, KeyedStream};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Addressing, Load};

pub const PRICES: KeyedStream = KeyedStream::new("price_update_batch");

/// The time between two rounds of updates: a timer is not good for less.
const ROUND: Duration = Duration::from_millis(5);

/// About as large as a price.
#[derive(Serialize)]
struct Price<'a> {
    #[serde(rename = "tokenAddress")]
    token: &'a str,
    key: u64,
    price: f64,
    /// Updates are counted.
    number: u64,
    /// When it was published, in milliseconds since 1970.
    at: u64,
}

/// The publisher, and the agents of each key if the application has to know them.
pub struct Publisher<'a> {
    feed: &'a Feed,
    agents: &'a [AgentId],
    load: Load,
    index: Vec<Vec<AgentId>>,
    names: Vec<String>,
}

impl<'a> Publisher<'a> {
    pub fn new(feed: &'a Feed, agents: &'a [AgentId], load: Load) -> Self {
        let names: Vec<_> = (0..load.keys).map(|key| key.to_string()).collect();
        let mut index = vec![Vec::new(); names.len()];
        for (number, agent) in agents.iter().enumerate() {
            let keys = load.watched_keys(number);
            match load.by {
                Addressing::Agent => {}
                Addressing::Key => feed.watch_keys(agent, PRICES, keys.iter().map(|key| &names[*key as usize])),
                Addressing::Index => keys.iter().for_each(|key| index[*key as usize].push(agent.clone())),
            }
        }
        Self { feed, agents, load, index, names }
    }

    /// Publishes at the pace of the load. Returns the number of the last update.
    pub async fn run(&self) -> anyhow::Result<u64> {
        let mut pace = interval(ROUND);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let each_second = self.load.updates_in_all();
        let last = each_second * u64::from(self.load.seconds);
        let (mut number, mut round) = (0, 0);
        while number < last {
            pace.tick().await;
            round += 1;
            let due = last.min(each_second * round * u64::try_from(ROUND.as_micros())? / 1_000_000);
            let at = u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?;
            while number < due {
                number += 1;
                self.update(number, at)?;
            }
            // Where there are only two threads, a publisher without a pause is one less for sockets.
            tokio::task::yield_now().await;
        }
        self.feed.publish_to(self.agents, Event::new("over", &last))?;
        Ok(last)
    }

    fn update(&self, number: u64, at: u64) -> anyhow::Result<()> {
        let key = number % self.load.keys;
        let name = &self.names[key as usize];
        let price = |token| Price { token, key, price: 0.000_123 * (number as f64), number, at };
        match self.load.by {
            Addressing::Agent => {
                for agent in self.agents {
                    self.feed.publish_keyed(agent, PRICES.key(name), &price(agent.as_str()))?;
                }
            }
            Addressing::Key => _ = self.feed.publish_value(PRICES.key(name), &price(name))?,
            Addressing::Index => {
                _ = self.feed.publish_keyed_to(&self.index[key as usize], PRICES.key(name), &price(name))?
            }
        }
        Ok(())
    }
}
