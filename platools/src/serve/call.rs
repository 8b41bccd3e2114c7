//! One call, from its request to its result.

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Fuse, FusedFuture};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject, ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::calls::Calls;
use super::handler::Shared;
use super::log::Log;
use super::result;
use crate::dispatch::{Failure, LocalCall};
use crate::mcp::{Returned, Revision};
use crate::tool::{
    CONTEXT_ENVELOPE, Context, Outlet, Output, PLATFORM_ENVELOPE, Params, ToolDefinition, Unsent, Wanted,
};

/// The params of a call: a client's arguments, and whose call it is. A client is no platform, and its model must not be able to say who
/// it is, so the platform's envelopes are taken out.
pub(super) fn params(arguments: Option<JsonObject>, user: Option<&str>) -> Params {
    let mut arguments = arguments.unwrap_or_default();
    for envelope in [PLATFORM_ENVELOPE, CONTEXT_ENVELOPE] {
        arguments.shift_remove(envelope);
    }
    if let Some(user) = user {
        arguments.insert(PLATFORM_ENVELOPE.to_owned(), json!({ "userId": user }));
    }
    Params::from(Value::Object(arguments).to_string())
}

/// Runs a call to its end. `None` if there is no such tool.
pub(super) async fn run(
    shared: &Shared,
    tool: &Arc<ToolDefinition>,
    params: Params,
    request: &RequestContext<RoleServer>,
    log: Log<'_>,
) -> Option<CallToolResult> {
    let Shared { tools, calls, max_result_bytes, .. } = shared;
    let _counted = match calls.begin() {
        Ok(counted) => counted,
        Err(refusal) => return Some(result::refused(refusal)),
    };
    let (outlet, saying) = Outlet::new();
    let token = request.meta.get_progress_token();
    outlet.want(Wanted { progress: token.is_some(), log: true });
    let (context, call) = tools.registry().start_call(&tool.name, params, Some(outlet), *max_result_bytes)?;
    let revision = Revision::of_request(request);
    let watched = Watched { context, calls, request, tool: &tool.name, token, log, revision };
    let ended = watched.telling(call, saying).await;
    watched.unless_given_up(log.ended(&request.peer, &tool.name, watched.context.call_id(), ended.as_ref())).await;
    let rule = tools.rule(tool);
    let returned = Returned { rule: &rule, revision };
    Some(ended.map_or_else(result::given_up, |ended| result::ended(&tool.name, returned, ended)))
}

/// A call that runs, who may give it up, and what of it the client is told meanwhile.
struct Watched<'a> {
    context: Context,
    calls: &'a Calls,
    request: &'a RequestContext<RoleServer>,
    tool: &'a str,
    token: Option<ProgressToken>,
    log: Log<'a>,
    revision: Revision,
}

impl Watched<'_> {
    /// Waits until the call ends; `None` if it was given up and did not end soon after.
    async fn ended(&self, call: LocalCall) -> Option<Result<Output, Failure>> {
        let mut call = pin!(call);
        tokio::select! {
            ended = &mut call => return Some(ended),
            () = self.given_up() => self.context.cancel(),
        }
        tokio::select! {
            ended = call => Some(ended),
            () = self.calls.grace() => None,
        }
    }

    /// Tells what the call says while it runs, one thing at a time, and what it said last before its end is told.
    async fn telling(
        &self,
        call: LocalCall,
        mut saying: mpsc::UnboundedReceiver<Context>,
    ) -> Option<Result<Output, Failure>> {
        let mut sending: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let mut ended = pin!(self.ended(call));
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut ended => break ended,
                () = &mut sending => {}
                Some(_) = saying.recv(), if sending.is_terminated() => {
                    if let Some(said) = self.context.take_said() {
                        sending = self.tell(said).boxed().fuse();
                    }
                }
            }
        };
        let rest = async {
            if !sending.is_terminated() {
                sending.await;
            }
            if let Some(said) = self.context.take_last_said() {
                self.tell(*said).await;
            }
        };
        self.unless_given_up(rest).await;
        ended
    }

    /// Tells the client something, which is not worth waiting for when it does not want the call's answer either.
    async fn unless_given_up(&self, telling: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = self.given_up() => {}
            () = telling => {}
        }
    }

    async fn tell(&self, said: Unsent) {
        let (progress, log) = said.into_parts();
        if let (Some(token), Some(report)) = (&self.token, progress) {
            let mut progress = ProgressNotificationParam::new(token.clone(), report.done);
            (progress.total, progress.message) = (report.total, report.message);
            // Who is gone misses nothing.
            let _ = self.request.peer.notify_progress(self.revision.progress(progress)).await;
        }
        for entry in log {
            self.log.entry(&self.request.peer, self.tool, entry).await;
        }
    }

    /// Waits until the client cancels the call or is gone, or the server's time is over.
    async fn given_up(&self) {
        tokio::select! {
            () = self.request.ct.cancelled() => {}
            () = self.calls.given_up() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Option<JsonObject> {
        let arguments = json!({ "x": 1, "__platos": { "userId": "mallory" }, "_context": { "team": 7 }, "_other": 2 });
        arguments.as_object().cloned()
    }

    #[test]
    fn a_client_cannot_say_who_it_is() {
        assert_eq!(params(arguments(), None).as_str(), r#"{"x":1,"_other":2}"#);
        assert_eq!(params(None, None).as_str(), "{}");
        let params = params(arguments(), Some("u-1"));
        let context = Context::new("c".into(), params);
        assert_eq!((context.user_id(), context.raw()), (Some("u-1"), &Value::Null));
    }
}
