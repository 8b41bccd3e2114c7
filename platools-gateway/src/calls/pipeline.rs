//! [`Calls::call`] and its variants: the path of a call from its caller to its worker and back.

use std::sync::Arc;

use platools::tool::without_stack;
use platools_protocol::tool_sync::ToolDeclaration;
use platools_protocol::tool_sync::annotation::has_exposed_errors;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::content::max_bytes;
use super::envelope::Envelope;
use super::idempotency::KeyedCallStart;
use super::oversize::shortened;
use super::request::{CallPermit, CallReply, CallRequest};
use super::route::{Patience, Route};
use super::service::Calls;
use crate::arguments::Arguments;
use crate::arguments::compact::compacted;
use crate::authority::{Action, Resource, authorize};
use crate::background::offload::{offload, try_offload_in_turn};
use crate::catalog::{CatalogTool, FoundTool};
use crate::domain::error::{ArgumentProblem, Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::CallId;
use crate::journal::CallRecord;
use crate::pending::Outcome;
use crate::ports::time::wall_ms;

/// The arguments as the tool takes them. Arguments that its schema does not allow are refused before they travel.
async fn fitted(tool: &Arc<CatalogTool>, arguments: &Arguments) -> Result<Arguments, Error> {
    let schema = tool.arguments().await?;
    let sent = arguments.clone();
    let fitted =
        try_offload_in_turn(arguments.len(), move || schema.fit(&sent).map(|fitted| fitted.unwrap_or(sent))).await;
    fitted
        .map_err(|error| Error::new(ErrorKind::InvalidArguments, "the arguments cannot be checked").caused_by(error))?
        .map_err(|invalid| {
            let problems = invalid.problems().iter().map(ArgumentProblem::from).collect();
            Error::new(ErrorKind::InvalidArguments, invalid.to_string()).with_problems(problems)
        })
}

/// The message of a failure for its caller, with the causes behind it if the tool exposes them.
fn exposed(message: String, traceback: Option<&str>, tool: &ToolDeclaration) -> String {
    let causes = traceback.filter(|_| has_exposed_errors(&tool.annotations)).and_then(without_stack);
    causes.map(|causes| format!("{message}\n{causes}")).unwrap_or(message)
}

impl Calls {
    /// Calls a tool and waits for its answer.
    ///
    /// # Errors
    /// Everything that can go wrong with a call; see [`ErrorKind`].
    pub async fn call(&self, caller: &Caller, request: CallRequest) -> Result<CallReply, Error> {
        self.call_with_id(caller, request, CallId::random()).await
    }

    /// Calls a tool like [`Calls::call`], under an id that its caller has told already. No other call has it.
    pub(crate) async fn call_with_id(
        &self,
        caller: &Caller,
        request: CallRequest,
        call_id: CallId,
    ) -> Result<CallReply, Error> {
        let _under_way = self.permit(caller)?;
        self.call_once(caller, request, call_id, None).await
    }

    /// Counts a call before it is known which one it is, for whoever has to say so early if it is too much.
    ///
    /// # Errors
    /// The caller makes too many calls.
    pub fn permit(&self, caller: &Caller) -> Result<CallPermit, Error> {
        self.services.limiter.call(caller).map(CallPermit)
    }

    /// Calls a tool like [`Calls::call`], with leave to do so.
    ///
    /// # Errors
    /// Like [`Calls::call`], except for too many calls.
    pub async fn call_permitted(
        &self,
        caller: &Caller,
        permit: CallPermit,
        request: CallRequest,
    ) -> Result<CallReply, Error> {
        let _under_way = permit;
        self.call_once(caller, request, CallId::random(), None).await
    }

    /// Calls a tool like [`Calls::call_permitted`], and gives the result whatever its length is.
    ///
    /// # Errors
    /// Like [`Calls::call_permitted`].
    pub async fn call_whole(
        &self,
        caller: &Caller,
        permit: CallPermit,
        request: CallRequest,
    ) -> Result<CallReply, Error> {
        let _under_way = permit;
        let (reply, _) = self.call_of_any_length(caller, request, CallId::random(), None).await?;
        Ok(reply)
    }

    /// Makes a call, and notes it before it runs if it has an idempotency key.
    pub(crate) async fn call_once(
        &self,
        caller: &Caller,
        request: CallRequest,
        call_id: CallId,
        keyed: Option<&KeyedCallStart<'_>>,
    ) -> Result<CallReply, Error> {
        let (reply, max_bytes) = self.call_of_any_length(caller, request, call_id, keyed).await?;
        Ok(CallReply { result: shortened(reply.result, max_bytes), ..reply })
    }

    /// Makes a call. The number is how long results of the tool may be for readers that are models.
    async fn call_of_any_length(
        &self,
        caller: &Caller,
        mut request: CallRequest,
        call_id: CallId,
        keyed: Option<&KeyedCallStart<'_>>,
    ) -> Result<(CallReply, usize), Error> {
        request.trace = request.trace.sampled(self.trace_ratio);
        let may_call = authorize(caller, Action::Call, Resource::Project(&caller.project_id)).map_err(Error::from);
        let found = match self.services.tools.find(caller, &request.tool).await {
            Ok(found) => found,
            // Who may not call at all is told that first.
            Err(error) => return Err(may_call.err().unwrap_or(error)),
        };
        let _under_way_there = self.services.limiter.call_of(&found.identity.entity_id)?;
        let mut record = CallRecord::begin(
            &self.services.journal,
            &self.services.observers,
            caller,
            &found,
            &request.arguments,
            &request.trace,
            &call_id,
        );
        let end = match may_call {
            Ok(()) => self.run(caller, &found, &request, &mut record, keyed).await,
            Err(error) => Err(error),
        };
        match end {
            Ok((result, latency_ms)) => {
                // Once, for every protocol: a line break would split a server-sent event, and white space costs a model tokens.
                let result = offload(result.get().len(), || compacted(result)).await;
                record.returned(&result, latency_ms);
                Ok((CallReply { call_id, result, latency_ms }, max_bytes(&found.tool.declaration)))
            }
            Err(error) => {
                record.failed(&error);
                Err(error.about_call(&call_id))
            }
        }
    }

    /// Sends a call to its worker, and waits for the result and how long the worker took for it.
    async fn run(
        &self,
        caller: &Caller,
        found: &FoundTool,
        request: &CallRequest,
        record: &mut CallRecord<'_>,
        keyed: Option<&KeyedCallStart<'_>>,
    ) -> Result<(Box<RawValue>, u64), Error> {
        let limit = request.timeout.of_call(&found.tool.declaration.annotations, self.max_timeout());
        let timeout_ms = i64::try_from(limit.wait().as_millis()).unwrap_or(i64::MAX);
        let (deadline, deadline_ms) = (Instant::now() + limit.wait(), wall_ms().saturating_add(timeout_ms));
        let FoundTool { identity, tool } = found;
        let scope = identity.scope();
        let (environment, declaration) = (&identity.environment_id, &tool.declaration);
        authorize(caller, Action::Call, Resource::Tool { environment, declaration })?;
        if !self.services.directory.snapshot().is_enabled(&scope, &request.tool.name) {
            return Err(Error::new(ErrorKind::ToolDisabled, "this tool is switched off"));
        }
        let arguments = &fitted(tool, &request.arguments).await?;
        record.sends(arguments);
        let call_id = &record.call_id().clone();
        let (name, trace) = (request.tool.name.as_str(), &request.trace);
        let envelope = Envelope { identity, caller, call_id, tool: name, arguments, deadline_ms, trace };
        // From here on the call may be cancelled, also while it waits for a link.
        let waiting =
            self.services.pending.open(call_id.clone(), scope.clone(), name, request.listener.clone()).limited(limit);
        let mut route = Route::new(&self.services.links, &scope, tool.version(), &envelope, deadline, waiting);
        let mut live = route.link().await;
        if let (Ok(_), Some(keyed)) = (&live, keyed) {
            keyed.note(call_id).await?;
            // The link may have ended while the disk was waited for.
            live = route.link().await;
        }
        let end = match live {
            Ok(live) => {
                let limit = request.patience.unwrap_or_else(|| self.services.links.worker_return());
                let tell = keyed.map(|keyed| move |error: Error| keyed.lose(error, call_id));
                route.run(live, Patience { limit, tell: tell.as_ref().map(|tell| tell as _) }).await
            }
            Err(end) => end,
        };
        match end? {
            Outcome::Returned { result, latency_ms } => Ok((result, latency_ms)),
            Outcome::Failed { message, details, traceback } => {
                let error = Error::new(ErrorKind::ToolFailed, exposed(message, traceback.as_deref(), declaration));
                Err(error.with_tool_error(details).with_traceback(traceback))
            }
        }
    }
}
