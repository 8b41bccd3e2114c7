//! [`CatalogPublisher`]: tells the other members which tools this one has written to the database. [`CatalogReader`] reads them there.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::messenger::{MemberMessage, Messenger, Topic};
use crate::catalog::Catalog;
use crate::domain::generation::Generation;
use crate::domain::identity::Scope;
use crate::links::Links;
use crate::ports::catalog::CatalogObserver;
use crate::ports::tool_changes::ToolChanges;

/// The scopes whose tools a member has written.
const TOOLS: Topic = Topic::new("tools");

/// The wait before the next attempt to read tools from a database that failed.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// A message of [`TOOLS`].
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    gateway: u16,
    scope: Scope,
    generation: Generation,
}

/// Publishes the scopes whose tools this member has written.
#[derive(Debug)]
pub(crate) struct CatalogPublisher(pub(crate) Messenger);

impl CatalogObserver for CatalogPublisher {
    fn written(&self, scope: &Scope, generation: Generation) {
        let written = Written { gateway: self.0.number().get(), scope: scope.clone(), generation };
        if let Err(error) = self.0.publish(TOOLS, &written) {
            tracing::debug!(%error, "changed tools were not published");
        }
    }
}

/// Reads the tools that other members have written.
#[derive(Debug)]
pub(super) struct CatalogReader {
    pub(super) messenger: Messenger,
    pub(super) catalog: Arc<Catalog>,
    pub(super) links: Arc<Links>,
    pub(super) tool_changes: Arc<dyn ToolChanges>,
}

impl CatalogReader {
    /// Receives messages. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut messages = self.messenger.messages_to_all(TOOLS);
        while let Some(received) = messages.next::<Written>().await {
            match received {
                MemberMessage::Message(written, _) if written.gateway == self.messenger.number().get() => {}
                MemberMessage::Message(Written { scope, generation, .. }, _) => {
                    self.catalog.observe(generation);
                    self.reload(&scope).await;
                }
                MemberMessage::Gap => self.reload_all().await,
            }
        }
    }

    /// Reads the tools of a scope. In a pool, the links of this member may have tools that the other one did not know of.
    async fn reload(&self, scope: &Scope) {
        while let Err(error) = self.catalog.reload(scope).await {
            tracing::warn!(%error, entity.id = %scope.entity, "tools that another gateway wrote cannot be read yet");
            sleep(NEXT_TRY).await;
        }
        self.links.unite_again(scope);
        self.links.tools_changed(scope);
        self.tool_changes.notify(scope);
    }

    async fn reload_all(&self) {
        let scopes = loop {
            match self.catalog.differing().await {
                Ok(scopes) => break scopes,
                Err(error) => {
                    tracing::warn!(%error, "tools that other gateways wrote cannot be read yet");
                    sleep(NEXT_TRY).await;
                }
            }
        };
        for scope in scopes {
            self.reload(&scope).await;
        }
    }
}
