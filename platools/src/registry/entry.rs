//! [`RegisteredTool`]: keeps one tool of a registry, with its declaration, handler, limits and health.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::health::Health;
use super::poll_thread::{PollHistory, PollPlace};
use super::state_binding::{Binding, SharedState, missing_state};
use crate::sliding_window::SlidingWindow;
use crate::tool::{Execution, Handler, Rate, Tool, ToolDefinition};
use platools_transport::{Error, ErrorKind};

/// A tool of a registry.
pub(crate) struct RegisteredTool {
    definition: Arc<ToolDefinition>,
    binding: Arc<Binding>,
    permits: Option<Arc<Semaphore>>,
    rate: Option<Arc<Mutex<SlidingWindow>>>,
    health: Arc<Mutex<Health>>,
    poll_history: PollHistory,
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
            rate: definition.rate_limit.map(|rate| Arc::new(Mutex::new(window(rate)))),
            health: Arc::default(),
            poll_history: PollHistory::default(),
            definition: Arc::new(definition),
            binding: Arc::new(Binding::new(tool, state)),
        }))
    }

    /// This tool in the place of an earlier one of the same name. It takes over the health, and each limit that is declared
    /// as before, with the calls that count towards it.
    pub(super) fn in_place_of(&self, earlier: &Self) -> Arc<Self> {
        let (new, old) = (&self.definition, &earlier.definition);
        let permits = if new.max_concurrency == old.max_concurrency { &earlier.permits } else { &self.permits };
        let rate = if new.rate_limit == old.rate_limit { &earlier.rate } else { &self.rate };
        Arc::new(Self {
            definition: Arc::clone(&self.definition),
            binding: Arc::clone(&self.binding),
            permits: permits.clone(),
            rate: rate.clone(),
            health: Arc::clone(&earlier.health),
            // Its function may be another one.
            poll_history: PollHistory::default(),
        })
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

    /// Bounds how many calls of this tool run at once; `None` where the tool has no limit. Calls get permits in the order in
    /// which they ask.
    pub(crate) fn permits(&self) -> Option<&Arc<Semaphore>> {
        self.permits.as_ref()
    }

    /// Counts the start of a call, if the tool's rate allows one; otherwise returns how long to wait.
    pub(crate) fn try_start(&self) -> Result<(), Duration> {
        match &self.rate {
            Some(rate) => rate.lock().unwrap_or_else(PoisonError::into_inner).try_record(Instant::now()),
            None => Ok(()),
        }
    }

    /// The place where the tool's calls are polled: where their polls disturb no other work.
    pub(crate) fn poll_place(&self) -> PollPlace {
        match self.definition.execution {
            Execution::Blocking => PollPlace::LinkTask,
            Execution::Inline | Execution::Task => self.poll_history.place(),
        }
    }

    /// The polls of the tool's calls so far.
    pub(crate) fn poll_history(&self) -> &PollHistory {
        &self.poll_history
    }

    /// The calls of the last hour.
    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RegisteredTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredTool").field("name", &self.name()).finish_non_exhaustive()
    }
}

fn window(rate: Rate) -> SlidingWindow {
    SlidingWindow::new(rate.calls() as usize, rate.per())
}
