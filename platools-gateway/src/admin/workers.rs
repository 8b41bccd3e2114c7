//! Functions of [`Admin`] that drain and disconnect workers.

use std::sync::Arc;

use super::{Admin, missing};
use crate::audit::action;
use crate::authority::{Action, Resource, authorize};
use crate::domain::error::{Error, ErrorKind};
use crate::links::{Closing, LiveLink};

impl Admin<'_> {
    /// Drains a worker, by the id of its connection: it gets no more calls, and its running ones end. It takes calls again once it connects
    /// again.
    ///
    /// # Errors
    /// There is no such worker, another gateway has its connection, or the database failed.
    pub async fn drain_worker(&self, id: &str) -> Result<(), Error> {
        let live = self.worker(id)?;
        self.record_about(action::WORKER_DRAIN, &live).await?;
        self.services.links.drain(&live);
        Ok(())
    }

    /// Closes the connection of a worker, by its id. Workers connect again by themselves, as after a restart of the gateway, and running calls
    /// wait for that.
    ///
    /// # Errors
    /// Like [`Admin::drain_worker`].
    pub async fn disconnect_worker(&self, id: &str) -> Result<(), Error> {
        let live = self.worker(id)?;
        self.record_about(action::WORKER_DISCONNECT, &live).await?;
        live.close(Closing::Disconnected);
        Ok(())
    }

    /// A worker of the project in an environment that the admin reaches, whose connection this gateway has.
    fn worker(&self, id: &str) -> Result<Arc<LiveLink>, Error> {
        let live =
            self.services.links.find(&self.project, id).ok_or_else(|| missing("worker with the connection", id))?;
        if let Some(maker) = &self.maker {
            let environment = Resource::Environment(&live.identity().environment_id);
            let missing = || missing("worker with the connection", id);
            authorize(maker, Action::Administer, environment).map_err(|denial| denial.or_missing(missing))?;
        }
        if let Some(gateway) = live.gateway() {
            let message = format!("the worker is connected to the gateway {}; ask that one", gateway.get());
            return Err(Error::new(ErrorKind::InUse, message));
        }
        Ok(live)
    }

    async fn record_about(&self, action: &'static str, live: &LiveLink) -> Result<(), Error> {
        let identity = live.identity();
        let detail = format!("entity {}, environment {}", identity.entity, identity.environment);
        self.record(action, live.id().as_str(), &detail).store_alone().await
    }
}
