//! [`App`]: starts the gateway, the positions and prices, and the web page of the example. The program `positions` and the tests in the
//! browser run it.

mod market;
mod page;
mod portfolio;
mod position;
mod prices;
mod replay;
mod store;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use platools_gateway::Gateway;
use platools_gateway::admin::NewAgent;
use platools_gateway::core::Core;
use platools_gateway::domain::ids::AgentId;
use platools_gateway::feed::Feed;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use market::Market;
use page::Page;
use portfolio::Portfolio;
use prices::Prices;
use replay::Replay;
use store::Store;

/// A gateway with an application: positions, prices that move, and a page.
#[derive(Debug)]
pub struct App {
    gateway: Option<Gateway>,
    feed: watch::Sender<Feed>,
    core: watch::Sender<Arc<Core>>,
    agent: AgentId,
    page: SocketAddr,
    store: Store,
    tasks: Vec<AbortOnDropHandle<()>>,
    _folder: TempDir,
}

impl App {
    /// Starts all of it, with a step of the prices every `pace`, and the page at a port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken, or a file cannot be written.
    pub async fn start(page_port: u16, pace: Duration) -> anyhow::Result<Self> {
        let (folder, replay) = (tempfile::tempdir()?, Arc::new(Replay::load()?));
        let store = Store::open(&folder.path().join("positions.sqlite"), &replay.assets).await?;
        let portfolio = Portfolio { store: store.clone(), prices: Prices::new(store.clone()) };
        let gateway = Gateway::builder().snapshots(Arc::new(portfolio.clone())).start().await?;
        let new = NewAgent { owner: Some(page::USER.to_owned()), ..NewAgent::default() };
        let agent = gateway.core().local_admin().add_agent("trader", new).await?.id;
        let (feed, market_feed) = watch::channel(gateway.feed());
        let (core, page_core) = watch::channel(Arc::clone(gateway.core()));
        let feed_url = gateway.url().replacen("http", "ws", 1) + "/ws";
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, page_port)).await?;
        let page = listener.local_addr()?;
        let routes = page::router(Page { core: page_core, feed_url, agent: agent.clone(), store: store.clone() });
        let market = Market { portfolio, replay, agent: agent.clone(), feed: market_feed };
        market.prepare().await?;
        let tasks = vec![
            spawn(async move { Ok(axum::serve(listener, routes).await?) }),
            spawn(async move { market.run(pace).await }),
        ];
        Ok(Self { gateway: Some(gateway), feed, core, agent, page, store, tasks, _folder: folder })
    }

    /// URL of the page.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("http://{}", self.page)
    }

    /// Stops the gateway and starts it again, as an update would. The application goes on meanwhile.
    ///
    /// # Errors
    /// It does not start again.
    pub async fn restart_gateway(&mut self) -> anyhow::Result<()> {
        if let Some(gateway) = self.gateway.take() {
            let gateway = gateway.stop().await.start().await?;
            self.feed.send_replace(gateway.feed());
            self.core.send_replace(Arc::clone(gateway.core()));
            self.gateway = Some(gateway);
        }
        Ok(())
    }

    /// URL for a dashboard, with a token in it: a secret.
    ///
    /// # Errors
    /// The gateway does not run.
    pub async fn dashboard_url(&self) -> anyhow::Result<SecretString> {
        let gateway = self.gateway.as_ref().context("the gateway does not run")?;
        let (token, base) = (page::token(gateway.core()).await?, gateway.url().replacen("http", "ws", 1));
        Ok(format!("{base}/ws?token={}&agentId={}", token.expose_secret(), self.agent).into())
    }

    /// True while the page is open in a browser.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.feed.borrow().is_watched(&self.agent)
    }

    /// Stops all of it.
    pub async fn stop(mut self) {
        self.tasks.clear();
        if let Some(gateway) = self.gateway.take() {
            gateway.shutdown().await;
        }
        self.store.close().await;
    }
}

/// Runs something beside the rest, which says so if it fails.
fn spawn(task: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = task.await {
            eprintln!("a part of the example ended: {error:#}");
        }
    }))
}
