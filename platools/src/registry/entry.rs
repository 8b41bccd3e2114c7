//! One tool in a registry: its declaration, its handler, and what is kept about its calls.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::health::Health;
use crate::error::{Error, ErrorKind};
use crate::tool::{Handler, Rate, State, Tool, ToolDefinition};
use crate::window::SlidingWindow;

/// A tool that was bound to its registry's state.
pub(crate) struct RegisteredTool {
    definition: Arc<ToolDefinition>,
    handler: Arc<dyn Handler>,
    permits: Option<Arc<Semaphore>>,
    rate: Option<Mutex<SlidingWindow>>,
    health: Mutex<Health>,
}

impl RegisteredTool {
    /// Checks a tool's declaration and binds it.
    pub(super) fn bind(tool: &dyn Tool, state: &State) -> Result<Arc<Self>, Error> {
        let definition = tool.definition();
        let name = &definition.name;
        definition.validate().map_err(|error| {
            Error::new(ErrorKind::InvalidTool, format!("tool `{name}`: {error}")).with_source(error)
        })?;
        let handler = tool.bind(state).map_err(|error| {
            Error::new(ErrorKind::MissingState, format!("tool `{name}`: {error}")).with_source(error)
        })?;
        Ok(Arc::new(Self {
            permits: definition.max_concurrency.map(|calls| Arc::new(Semaphore::new(calls.get() as usize))),
            rate: definition.rate_limit.map(window).map(Mutex::new),
            health: Mutex::default(),
            definition: Arc::new(definition),
            handler,
        }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    pub(crate) fn definition(&self) -> &Arc<ToolDefinition> {
        &self.definition
    }

    pub(crate) fn handler(&self) -> Arc<dyn Handler> {
        Arc::clone(&self.handler)
    }

    /// Bounds how many calls of this tool run at once, where it is bounded.
    pub(crate) fn permits(&self) -> Option<Arc<Semaphore>> {
        self.permits.clone()
    }

    /// Bounds how many calls of this tool start in a span of time, where it is bounded.
    pub(crate) fn rate(&self) -> Option<MutexGuard<'_, SlidingWindow>> {
        self.rate.as_ref().map(|rate| rate.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the calls of the last hour went.
    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn window(rate: Rate) -> SlidingWindow {
    SlidingWindow::new(rate.calls() as usize, rate.per())
}

impl fmt::Debug for RegisteredTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredTool").field("name", &self.name()).finish_non_exhaustive()
    }
}
