//! One tool in a registry: its declaration, its handler, and what is kept about its calls.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::binding::{Binding, SharedState, missing_state};
use super::health::Health;
use crate::error::{Error, ErrorKind};
use crate::tool::{Handler, Rate, Tool, ToolDefinition};
use crate::window::SlidingWindow;

/// A tool of a registry.
pub(crate) struct RegisteredTool {
    definition: Arc<ToolDefinition>,
    binding: Binding,
    permits: Option<Arc<Semaphore>>,
    rate: Option<Mutex<SlidingWindow>>,
    health: Mutex<Health>,
}

impl RegisteredTool {
    /// Checks a tool's declaration. The tool is bound to the state later.
    pub(super) fn new(tool: Box<dyn Tool>, state: SharedState) -> Result<Arc<Self>, Error> {
        let definition = tool.definition();
        let name = &definition.name;
        definition.validate().map_err(|error| {
            Error::new(ErrorKind::InvalidTool, format!("tool `{name}`: {error}")).with_source(error)
        })?;
        Ok(Arc::new(Self {
            permits: definition.max_concurrency.map(|calls| Arc::new(Semaphore::new(calls.get() as usize))),
            rate: definition.rate_limit.map(window).map(Mutex::new),
            health: Mutex::default(),
            definition: Arc::new(definition),
            binding: Binding::new(tool, state),
        }))
    }

    /// Binds the tool to the registry's state, unless it is bound already.
    ///
    /// # Errors
    /// State is missing: the message about it.
    pub(super) fn bind(&self) -> Result<(), String> {
        self.binding.bind().map(drop).map_err(|error| missing_state(self.name(), &error))
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    pub(crate) fn definition(&self) -> &Arc<ToolDefinition> {
        &self.definition
    }

    /// The handler of the tool's calls; one that fails them if state is missing.
    pub(crate) fn handler(&self) -> Arc<dyn Handler> {
        self.binding.handler(self.name())
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
