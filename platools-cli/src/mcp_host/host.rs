//! [`Host`]: keeps an MCP server connected, and keeps a registry equal to the server's list of tools.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use platools::ToolRegistry;
use platools::connection::backoff_delay_ms;
use rmcp::model::Tool;
use rmcp::service::ServiceError;
use tokio::sync::watch;
use tokio::time::sleep;

use super::connection::{Connection, ServerNotice, Session};
use super::server::Server;
use super::tools;

/// An MCP server whose tools are in a registry. They stay there while the server is away, and their calls say so.
pub(super) struct Host {
    server: Server,
    /// The tools to host; all of them, if that names none.
    wanted: BTreeSet<String>,
    registry: ToolRegistry,
    /// For calls: how to reach the server, while it can be.
    session: watch::Sender<Option<Session>>,
    connection: Option<Connection>,
}

impl Host {
    /// Connects to the server for the first time.
    ///
    /// # Errors
    /// It cannot be reached, or it does not have a tool that is wanted.
    pub(super) async fn start(server: Server, wanted: BTreeSet<String>) -> anyhow::Result<Self> {
        let mut connection = server.connect().await?;
        let listed = connection.tools().await;
        let listed = listed.map_err(|error| anyhow!("the MCP server {server}: {}", server.without_secrets(&error)))?;
        check_wanted(&wanted, &listed)?;
        let session = watch::Sender::new(Some(connection.session()));
        let host = Self { server, wanted, registry: ToolRegistry::new(), session, connection: Some(connection) };
        host.take(listed);
        Ok(host)
    }

    /// Returns the registry with the server's tools.
    pub(super) fn registry(&self) -> ToolRegistry {
        self.registry.clone()
    }

    /// Follows the server's list, and connects again whenever it goes away.
    pub(super) async fn keep_going(&mut self) -> Infallible {
        loop {
            let Some(connection) = &mut self.connection else {
                self.connect_again().await;
                continue;
            };
            let listed = match connection.news().await {
                ServerNotice::Tools => connection.tools().await,
                ServerNotice::Ended => Err(ServiceError::TransportClosed.into()),
            };
            match listed {
                Ok(listed) => self.take(listed),
                // One that is busy with calls may take long to answer, and what it runs is not ended for that.
                Err(error) if !connection.is_lost(&error) => {
                    tracing::warn!(
                        error = self.server.without_secrets(&error),
                        "MCP server did not list its tools; the tools known so far stay"
                    );
                }
                Err(error) => self.lost(&error).await,
            }
        }
    }

    async fn lost(&mut self, error: &anyhow::Error) {
        tracing::warn!(server = %self.server, error = self.server.without_secrets(error), "MCP server lost; connecting again");
        self.session.send_replace(None);
        self.disconnect().await;
    }

    async fn connect_again(&mut self) {
        for attempt in 1.. {
            sleep(Duration::from_millis(backoff_delay_ms(attempt))).await;
            let connected = async {
                let mut connection = self.server.connect().await?;
                let listed = connection.tools().await?;
                anyhow::Ok((connection, listed))
            };
            match connected.await {
                Ok((connection, listed)) => {
                    tracing::info!(server = %self.server, "MCP server connected again");
                    self.session.send_replace(Some(connection.session()));
                    self.connection = Some(connection);
                    return self.take(listed);
                }
                Err(error) => {
                    tracing::warn!(
                        error = self.server.without_secrets(&error),
                        attempt,
                        "MCP server not connected; trying again"
                    );
                }
            }
        }
    }

    /// Makes the registry what the server's list is.
    fn take(&self, mut listed: Vec<Tool>) {
        listed.retain(|tool| self.wanted.is_empty() || self.wanted.contains(&*tool.name));
        tools::put(&self.registry, listed, &self.session);
    }

    /// Ends the connection in order.
    pub(super) async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

fn check_wanted(wanted: &BTreeSet<String>, listed: &[Tool]) -> anyhow::Result<()> {
    let names: Vec<_> = listed.iter().map(|tool| &*tool.name).collect();
    let missing: Vec<_> = wanted.iter().map(String::as_str).filter(|name| !names.contains(name)).collect();
    ensure!(
        missing.is_empty(),
        "the MCP server has no tool named {}; it has {}",
        missing.join(", "),
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    );
    Ok(())
}
