//! One call of a tool, from the caller to the worker and back.

use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Core;
use super::arguments::Arguments;
use super::calls::Outcome;
use super::envelope::Envelope;
use super::error::{Error, ErrorKind};
use super::identity::{Caller, Role};
use super::ids::CallId;
use super::oversize::shortened;
use super::workers::{Delivery, offline};

/// What a caller asks for.
#[derive(Debug)]
pub struct CallRequest<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// Its arguments.
    pub arguments: Arguments,
    /// The entity, by slug or id, where several have a tool of that name.
    pub entity: Option<&'a str>,
    /// The environment, by slug or id.
    pub environment: Option<&'a str>,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

/// How a call ended well.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallReply {
    /// The call.
    pub call_id: CallId,
    /// What the tool returned, or a preview if that is too long.
    pub result: Box<RawValue>,
    /// How long the worker took, in milliseconds.
    pub latency_ms: u64,
}

impl Core {
    /// Calls a tool and waits for its answer.
    ///
    /// # Errors
    /// Everything that can go wrong with a call; see [`ErrorKind`].
    pub async fn call(&self, caller: &Caller, request: CallRequest<'_>) -> Result<CallReply, Error> {
        let deadline = Instant::now() + request.timeout;
        caller.require(Role::Operator)?;
        let environment = self.directory.environment(&caller.project_id, request.environment).await?;
        let identity = self.catalog.find(&environment.id, request.tool, request.entity)?;
        let scope = identity.scope();
        let call_id = CallId::random();
        let live = self.workers.find(&scope).ok_or_else(|| offline().about_call(&call_id))?;

        let envelope = Envelope {
            identity: &identity,
            caller,
            call_id: &call_id,
            tool: request.tool,
            arguments: &request.arguments,
        };
        let params = envelope.params(live.secret());
        let waiting = self.calls.open(call_id.clone(), scope);
        live.deliver(Delivery { call_id: call_id.clone(), tool_name: request.tool.to_owned(), params })
            .map_err(|error| error.about_call(&call_id))?;
        tracing::debug!(call.id = %call_id, tool.name = request.tool, entity = identity.entity, "call sent");
        match waiting.until(deadline).await {
            Ok(Outcome::Returned { result, latency_ms }) => {
                Ok(CallReply { call_id, result: shortened(result), latency_ms })
            }
            Ok(Outcome::Failed { message }) => Err(Error::new(ErrorKind::ToolFailed, message).about_call(&call_id)),
            Err(error) => Err(error.about_call(&call_id)),
        }
    }
}
