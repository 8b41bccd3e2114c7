//! [`Calls::call`] and its variants: take a call from its caller to its worker, and the answer back.

use std::sync::Arc;

use platools_protocol::tool_sync::annotation::has_exposed_errors;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::call_delivery::CallDelivery;
use super::content_text::max_bytes;
use super::frame::CallFrameParts;
use super::idempotency::KeyedCallStart;
use super::outcome::outcome;
use super::request::{CallPermit, CallReply, CallRequest};
use super::result_preview::shortened;
use super::service::Calls;
use crate::arguments::Arguments;
use crate::arguments::compact::compacted;
use crate::authority::{Action, Denial, Resource, authorize};
use crate::background::offload::{offload, try_offload_in_turn};
use crate::catalog::{CatalogTool, FoundTool};
use crate::domain::error::{ArgumentProblem, Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::CallId;
use crate::domain::trace::TraceContext;
use crate::journal::{CallRecord, RecordedCall};
use crate::ports::time::wall_ms;
use crate::tools::ToolName;

impl Calls {
    /// Calls a tool and waits for its answer.
    ///
    /// # Errors
    /// Everything that can go wrong with a call; see [`ErrorKind`].
    pub async fn call(&self, caller: &Caller, request: CallRequest) -> Result<CallReply, Error> {
        self.call_with_id(caller, request, self.new_id()).await
    }

    /// Calls a tool like [`Calls::call`], under an id that its caller has told already. No other call has it.
    pub(crate) async fn call_with_id(
        &self,
        caller: &Caller,
        request: CallRequest,
        call_id: CallId,
    ) -> Result<CallReply, Error> {
        let _permit = self.permit(caller)?;
        self.call_shortened(caller, request, call_id, None).await
    }

    /// Counts a call before its request is read, so that one too many costs nothing more.
    ///
    /// # Errors
    /// The caller makes too many calls.
    pub fn permit(&self, caller: &Caller) -> Result<CallPermit, Error> {
        self.services.limiter.admit_call(caller).map(CallPermit)
    }

    /// Calls a tool like [`Calls::call`], with leave to do so.
    ///
    /// # Errors
    /// Like [`Calls::call`], except for too many calls.
    pub async fn call_permitted(
        &self,
        caller: &Caller,
        _permit: CallPermit,
        request: CallRequest,
    ) -> Result<CallReply, Error> {
        self.call_shortened(caller, request, self.new_id(), None).await
    }

    /// Calls a tool like [`Calls::call_permitted`], and gives the result whatever its length is.
    ///
    /// # Errors
    /// Like [`Calls::call_permitted`].
    pub async fn call_whole(
        &self,
        caller: &Caller,
        _permit: CallPermit,
        request: CallRequest,
    ) -> Result<CallReply, Error> {
        self.call_of_any_length(caller, request, self.new_id(), None).await.map(|(reply, _)| reply)
    }

    /// Refuses a call whose request was not read, because its caller may call no tools. The refusal counts and is recorded like a call.
    pub(crate) async fn refuse(&self, caller: &Caller, tool: &ToolName, trace: &TraceContext, denial: Denial) -> Error {
        match self.permit(caller) {
            Ok(_permit) => {
                let trace = trace.clone().sampled(self.trace_ratio);
                self.record_refusal(caller, tool, &Arguments::none(), &trace, self.new_id(), denial).await
            }
            Err(too_many) => too_many,
        }
    }

    /// Makes a call, which is noted before it runs if it has an idempotency key. A result that is too long for a model becomes a preview.
    pub(super) async fn call_shortened(
        &self,
        caller: &Caller,
        request: CallRequest,
        call_id: CallId,
        keyed: Option<&KeyedCallStart<'_>>,
    ) -> Result<CallReply, Error> {
        let (reply, max_bytes) = self.call_of_any_length(caller, request, call_id, keyed).await?;
        Ok(CallReply { result: shortened(reply.result, max_bytes), ..reply })
    }

    /// Makes a call. The second value is the length past which the result becomes a preview.
    async fn call_of_any_length(
        &self,
        caller: &Caller,
        mut request: CallRequest,
        call_id: CallId,
        keyed: Option<&KeyedCallStart<'_>>,
    ) -> Result<(CallReply, usize), Error> {
        request.trace = request.trace.sampled(self.trace_ratio);
        let CallRequest { tool, arguments, trace, .. } = &request;
        if let Err(denial) = authorize(caller, Action::Call, Resource::Project(&caller.project_id)) {
            return Err(self.record_refusal(caller, tool, arguments, trace, call_id, denial).await);
        }
        let found = self.services.tools.find(caller, tool).await?;
        let _permit = self.services.limiter.admit_call_to(&found.identity.entity_id)?;
        let call = RecordedCall { call_id: &call_id, caller, found: &found, trace };
        let mut record = CallRecord::begin(&self.services.journal, &self.services.observers, call, arguments);
        match self.run(&call, &request, &mut record, keyed).await {
            Ok((result, latency_ms)) => {
                // Once, for every protocol: a line break would split a server-sent event, and white space costs a model tokens.
                let result = offload(result.get().len(), || compacted(result)).await;
                record.finish_returned(&result, latency_ms);
                Ok((CallReply { call_id, result, latency_ms }, max_bytes(&found.tool.declaration)))
            }
            Err(error) => {
                record.finish_failed(&error);
                Err(error.about_call(&call_id))
            }
        }
    }

    /// Records a call that its caller's role does not allow, if there is the tool, and returns the error.
    async fn record_refusal(
        &self,
        caller: &Caller,
        tool: &ToolName,
        arguments: &Arguments,
        trace: &TraceContext,
        call_id: CallId,
        denial: Denial,
    ) -> Error {
        let error = Error::from(denial);
        // The caller learns that it may not call before it learns that there is no such tool.
        let Ok(found) = self.services.tools.find(caller, tool).await else { return error };
        let _permit = match self.services.limiter.admit_call_to(&found.identity.entity_id) {
            Ok(permit) => permit,
            Err(too_many) => return too_many,
        };
        let call = RecordedCall { call_id: &call_id, caller, found: &found, trace };
        CallRecord::begin(&self.services.journal, &self.services.observers, call, arguments).finish_failed(&error);
        error.about_call(&call_id)
    }

    /// Sends a call to its worker, and waits for the result and the worker's time for it in milliseconds.
    async fn run(
        &self,
        call: &RecordedCall<'_>,
        request: &CallRequest,
        record: &mut CallRecord<'_>,
        keyed: Option<&KeyedCallStart<'_>>,
    ) -> Result<(Box<RawValue>, u64), Error> {
        let RecordedCall { call_id, caller, found: FoundTool { identity, tool }, trace } = *call;
        let (environment, declaration) = (&identity.environment_id, &tool.declaration);
        let time_limit = request.timeout.resolve(&declaration.annotations, self.settings.max_timeout);
        let timeout_ms = i64::try_from(time_limit.duration().as_millis()).unwrap_or(i64::MAX);
        let (deadline, deadline_ms) = (Instant::now() + time_limit.duration(), wall_ms().saturating_add(timeout_ms));
        authorize(caller, Action::Call, Resource::Tool { environment, declaration })?;
        let (scope, name) = (&identity.scope(), request.tool.name.as_str());
        if !self.services.directory.snapshot().is_enabled(scope, name) {
            return Err(Error::new(ErrorKind::ToolDisabled, "this tool is switched off"));
        }
        let arguments = &fitted(tool, &request.arguments).await?;
        record.note_arguments(arguments);
        let traceparent = &trace.traceparent();
        let (user_id, agent_id) = (caller.user_id.as_deref(), caller.agent_id.as_ref());
        let grant = keyed.filter(|_| self.services.remote_calls.is_some()).map(|keyed| keyed.grant(declaration));
        let parts = CallFrameParts {
            identity,
            user_id,
            agent_id,
            call_id,
            tool: name,
            arguments,
            deadline_ms,
            traceparent,
            grant: grant.as_ref(),
        };
        // From here on the call may be cancelled, also while it waits for a link.
        let pending = self.services.pending.open(call_id.clone(), scope.clone(), name, request.report_sender.clone());
        let pending = pending.limited(time_limit);
        let return_limit = request.worker_return.unwrap_or(self.settings.worker_return);
        let to = (&*self.services.links, scope, tool.version());
        let answer = CallDelivery::new(to, &parts, keyed, (deadline, return_limit), pending).run().await?;
        outcome(answer, has_exposed_errors(&declaration.annotations))
    }
}

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
