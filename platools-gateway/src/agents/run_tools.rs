//! [`RunTools`]: lists and calls the tools of one run of an agent, with the permissions of the run's caller.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platools::tool::{Dialect, ToolExport};
use serde_json::Value;
use serde_json::value::RawValue;

use super::chat_sink::{ChatEvent, ChatSink};
use crate::arguments::Arguments;
use crate::calls::content_text::{is_content, legible};
use crate::calls::{CallRequest, Calls};
use crate::domain::agent_profile::Profile;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::CallId;
use crate::pending_calls::CallTimeout;
use crate::tools::{NamedTool, Tools};

/// The timeout of a tool that declares none.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The tools of one run.
pub struct RunTools<'a> {
    calls: &'a Calls,
    caller: &'a Caller,
    sink: &'a dyn ChatSink,
    usable: Vec<NamedTool>,
    call_count: AtomicUsize,
}

impl<'a> RunTools<'a> {
    /// The online tools that the caller may call and the agent's profile allows.
    pub(crate) async fn new(
        tools: &Tools,
        calls: &'a Calls,
        caller: &'a Caller,
        sink: &'a dyn ChatSink,
        profile: &Profile,
    ) -> Result<Self, Error> {
        let view = tools.view(caller, profile.environment.as_deref(), None)?;
        let is_allowed = |name: &String| profile.tools.as_ref().is_none_or(|allowed| allowed.contains(name));
        let mut usable = tools.in_view(caller, &view).await?;
        usable.retain(|named| named.tool.online && is_allowed(&named.tool.declaration.name));
        Ok(Self { calls, caller, sink, usable, call_count: AtomicUsize::new(0) })
    }

    /// The tools, by entity, each worker's in its own order.
    #[must_use]
    pub fn list(&self) -> &[NamedTool] {
        &self.usable
    }

    /// Finds a tool by its handle, or by its own name if only one has that name.
    #[must_use]
    pub fn find(&self, handle: &str) -> Option<&NamedTool> {
        let by_handle = self.usable.iter().find(|tool| tool.handle == handle);
        by_handle.or_else(|| {
            let mut named = self.usable.iter().filter(|tool| tool.tool.declaration.name == handle);
            named.next().filter(|_| named.next().is_none())
        })
    }

    /// Writes a tool in the dialect of a model's interface, under its own name.
    ///
    /// # Errors
    /// The tool's schema cannot be written in other dialects.
    pub async fn export(&self, tool: &NamedTool, dialect: Dialect) -> Result<Value, Error> {
        tool.tool.export(dialect).await
    }

    /// Writes a tool in the dialect of a model's interface, with the conversion of the model's arguments back to the tool's.
    ///
    /// # Errors
    /// The tool's schema cannot be written in other dialects.
    pub async fn to_export(&self, tool: &NamedTool, dialect: Dialect) -> Result<ToolExport, Error> {
        tool.tool.to_export(dialect).await
    }

    /// Calls a tool, and returns its result. The sink gets an event for both.
    ///
    /// # Errors
    /// There is no such tool, the arguments are not a JSON object, or the call failed. The text is meant for the agent, which may try again or
    /// report the error.
    pub async fn call(&self, handle: &str, arguments: &RawValue) -> Result<Box<RawValue>, Error> {
        let call = &self.calls.new_id();
        self.sink.event(ChatEvent::ToolCall { call, tool: handle, input: arguments });
        let ended = self.run(call, handle, arguments).await;
        let output = match &ended {
            Ok(result) => result.clone(),
            Err(error) => failure(error),
        };
        self.sink.event(ChatEvent::ToolResult { call, tool: handle, output: &output });
        ended
    }

    /// The number of calls so far.
    pub(crate) fn call_count(&self) -> usize {
        self.call_count.load(Ordering::Relaxed)
    }

    async fn run(&self, call: &CallId, handle: &str, arguments: &RawValue) -> Result<Box<RawValue>, Error> {
        let none = || Error::new(ErrorKind::UnknownTool, format!("there is no tool `{handle}`"));
        let tool = self.find(handle).ok_or_else(none)?;
        let arguments = Arguments::parse_offloaded(arguments).await?;
        let request = CallRequest::new(tool.name(), arguments, CallTimeout::declared_or(TIMEOUT));
        self.call_count.fetch_add(1, Ordering::Relaxed);
        let result = self.calls.call_with_id(self.caller, request, call.clone()).await?.result;
        Ok(if is_content(&tool.tool.declaration) { legible(result) } else { result })
    }
}

impl fmt::Debug for RunTools<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunTools").field("usable", &self.usable.len()).finish_non_exhaustive()
    }
}

/// A failed call, for an agent and its user: `{"error": "..."}`, with every problem of the arguments, and the tool's `code`, `retryable` and
/// `details` if there are any.
pub(crate) fn failure(error: &Error) -> Box<RawValue> {
    serde_json::value::to_raw_value(&error.to_json()).expect("strings always serialize")
}
