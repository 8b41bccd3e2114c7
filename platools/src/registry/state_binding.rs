//! [`Binding`]: gives a tool the state that it borrows from its registry, and makes the handler of the tool's calls.

use std::any::Any;
use std::future::ready;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::tool::{BindError, Context, Handler, HandlerFuture, Output, State, Tool, ToolError, code};
use platools_transport::{Error, ErrorKind};

/// A tool and its handler. The handler is made once: when the registry is checked, or else for the first call.
pub(super) struct Binding {
    tool: Box<dyn Tool>,
    state: SharedState,
    handler: OnceLock<Arc<dyn Handler>>,
}

impl Binding {
    pub(super) fn new(tool: Box<dyn Tool>, state: SharedState) -> Self {
        Self { tool, state, handler: OnceLock::new() }
    }

    /// Makes the handler, unless it is made already.
    ///
    /// # Errors
    /// The registry lacks state that the tool borrows. The state may be added later.
    pub(super) fn bind(&self) -> Result<Arc<dyn Handler>, BindError> {
        if let Some(handler) = self.handler.get() {
            return Ok(Arc::clone(handler));
        }
        let handler = self.tool.bind(&self.state.snapshot())?;
        Ok(Arc::clone(self.handler.get_or_init(|| handler)))
    }

    /// The handler of the calls of the tool `name`; one that fails them if state is missing.
    pub(super) fn handler(&self, name: &str) -> Arc<dyn Handler> {
        self.bind().unwrap_or_else(|error| Arc::new(Unbound(missing_state(name, &error))))
    }
}

/// The state of a registry, which its tools share.
#[derive(Clone, Default)]
pub(super) struct SharedState(Arc<RwLock<State>>);

impl SharedState {
    /// Adds a value, in place of one of the same type.
    pub(super) fn put<T: Any + Send + Sync>(&self, value: Arc<T>) {
        let replaced = self.0.write().unwrap_or_else(PoisonError::into_inner).put(value);
        // After the lock is released: the value's `Drop` may use the registry.
        drop(replaced);
    }

    /// Adds several values, each in place of one of the same type.
    pub(super) fn extend(&self, values: State) {
        let replaced = self.0.write().unwrap_or_else(PoisonError::into_inner).extend(values);
        drop(replaced);
    }

    /// The values as of now. Tools are bound to a copy, so that none of their code runs under the lock.
    pub(super) fn snapshot(&self) -> State {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Fails the calls of a tool that lacks state, of a registry that nobody checked.
struct Unbound(String);

impl Handler for Unbound {
    fn call(self: Arc<Self>, _: Context, _: Output) -> HandlerFuture {
        Box::pin(ready(Err(ToolError::new(self.0.clone()).with_code(code::INTERNAL))))
    }
}

/// The message about a tool that lacks state.
pub(super) fn missing_state(name: &str, error: &BindError) -> String {
    format!("tool `{name}`: {error}")
}

/// The error about tools that lack state, each with its own message.
pub(super) fn missing(messages: &[String]) -> Error {
    Error::new(ErrorKind::MissingState, messages.join("\n"))
}
