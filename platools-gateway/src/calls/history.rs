//! Functions of [`Calls`] for past and running calls: `past` lists them, `find` finds one, `replay` repeats one and `cancel` cancels one, also
//! one that began at another gateway.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::request::{CallReply, CallRequest};
use super::service::Calls;
use crate::arguments::Arguments;
use crate::authority::{Action, Resource, authorize};
use crate::domain::call::{CallFilter, CallScope, CallSummary, StoredCall, StoredText};
use crate::domain::environment;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{CallId, ProjectId};
use crate::domain::page::Listing;
use crate::journal::{JournaledCall, PastCall, Payload, PayloadState, TRACEBACK};
use crate::pending::CallTimeout;
use crate::ports::call_peers::CallPeers;
use crate::tools::ToolName;

/// Filter for calls. A field without a value matches everything.
#[derive(Debug, Clone, Default)]
pub struct CallQuery {
    /// The tool.
    pub tool: Option<String>,
    /// The entity, by slug or id. One that is gone has its id only.
    pub entity: Option<String>,
    /// The environment, by slug or id.
    pub environment: Option<String>,
    /// The agent that called, by slug or id. One that is gone has its id only.
    pub agent: Option<String>,
    /// The user the caller spoke for.
    pub user_id: Option<String>,
    /// `ok`, `abandoned`, or the code of an error.
    pub outcome: Option<String>,
    /// Calls that began at this time or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Calls that began before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// Calls after another one in the list.
    pub before: Option<CallsBefore>,
}

/// A place in the list of calls, which goes from the newest to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallsBefore {
    /// Time when the last call of the page began, in milliseconds since 1970.
    pub started_ms: i64,
    /// The last call of the page.
    pub call_id: CallId,
}

impl Calls {
    /// Calls of the caller's project that ended, newest first. A caller that belongs to a user or an agent sees theirs, unless it is an
    /// admin. Of conditions that few calls meet, the search ends after some 20,000 calls with fewer items than `limit`, and says where to
    /// go on.
    ///
    /// # Errors
    /// The role is not enough, too many lists are read at the moment, the list took too long, or the database failed.
    pub async fn past(
        &self,
        caller: &Caller,
        query: CallQuery,
        limit: usize,
    ) -> Result<Listing<PastCall, CallsBefore>, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        self.services.journal.settle(&caller.project_id).await;
        let filter = self.call_filter(caller, query);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.services.journal_store.calls(&caller.project_id, &filter, limit).await?;
        let past_call = |row| shown_to(caller, past_call(row));
        Ok(found.map(past_call, |(started_ms, call_id)| CallsBefore { started_ms, call_id }))
    }

    /// Calls of the caller's project that are under way and began at this gateway, newest first. They have no outcome yet, so no outcome
    /// matches. The caller sees those that it would see in [`Calls::past`].
    ///
    /// # Errors
    /// The role is not enough.
    pub fn running(&self, caller: &Caller, query: CallQuery) -> Result<Vec<CallSummary>, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let filter = self.call_filter(caller, query);
        let mut calls = self.services.journal.running_calls(&caller.project_id);
        calls.retain(|call| {
            filter.matches_running(call) && authorize(caller, Action::View, call.resource(&caller.project_id)).is_ok()
        });
        calls.reverse();
        Ok(calls)
    }

    /// Finds a call, running or ended.
    ///
    /// # Errors
    /// The role is not enough, there is no such call, or the database failed.
    pub async fn find(&self, caller: &Caller, call_id: &str) -> Result<JournaledCall, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no call `{call_id}`, or none any more"));
        // In this order: a call that ends meanwhile is found by the second look.
        let found = match self.find_running(&caller.project_id, &call_id.into()).await {
            Some(summary) => JournaledCall::Running(Box::new(summary)),
            None => JournaledCall::Past(Box::new(self.past_call(caller, call_id).await?.ok_or_else(missing)?)),
        };
        let summary = match &found {
            JournaledCall::Running(summary) => summary,
            JournaledCall::Past(call) => &call.summary,
        };
        authorize(caller, Action::View, summary.resource(&caller.project_id))
            .map_err(|denial| denial.or_missing(missing))?;
        Ok(match found {
            JournaledCall::Past(call) => JournaledCall::Past(Box::new(shown_to(caller, *call))),
            running @ JournaledCall::Running(_) => running,
        })
    }

    /// Calls the tool of a call again, with the same arguments, as the present caller.
    ///
    /// # Errors
    /// There is no such call, its arguments were not kept as they were, or anything that can go wrong with a call.
    pub async fn replay(&self, caller: &Caller, call_id: &str, timeout: CallTimeout) -> Result<CallReply, Error> {
        authorize(caller, Action::Call, Resource::Project(&caller.project_id))?;
        let call = match self.find(caller, call_id).await? {
            JournaledCall::Past(call) => call,
            JournaledCall::Running(_) => return Err(not_replayable("it is still under way")),
        };
        let arguments = Arguments::parse_offloaded(replayable(&call.arguments)?).await?;
        let tool = ToolName {
            name: call.summary.tool,
            entity: Some(call.summary.entity_id.to_string()),
            environment: Some(call.summary.environment_id.to_string()),
        };
        self.call(caller, CallRequest::new(tool, arguments, timeout)).await
    }

    /// Cancels a call under way that the caller may see. The request that waits for it is told, and so is its worker.
    ///
    /// # Errors
    /// The role is not enough, or there is no such call under way that the caller may see.
    pub async fn cancel(&self, caller: &Caller, call_id: &CallId) -> Result<(), Error> {
        authorize(caller, Action::Cancel, Resource::Project(&caller.project_id))?;
        let (project, none) =
            (&caller.project_id, || Error::new(ErrorKind::NotFound, "there is no such call under way"));
        let call = self.find_running(project, call_id).await.ok_or_else(none)?;
        authorize(caller, Action::Cancel, call.resource(project)).map_err(|denial| denial.or_missing(none))?;
        let is_cancelled = match self.peers_with(call_id) {
            Some(peers) => peers.cancel_call(project, call_id).await,
            None => self.services.pending.cancel(call_id).is_some(),
        };
        if is_cancelled { Ok(()) } else { Err(none()) }
    }

    /// A call of a project that began here, for another gateway. Once it has ended, its record is stored.
    pub(crate) async fn running_here(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let running = self.services.journal.find_running(project, call_id);
        if running.is_none() {
            self.services.journal.settle(project).await;
        }
        running
    }

    /// Cancels a call of a project that began here, for another gateway. Returns false if it is not under way.
    pub(crate) fn cancel_here(&self, project: &ProjectId, call_id: &CallId) -> bool {
        let is_running = self.services.journal.find_running(project, call_id).is_some();
        is_running && self.services.pending.cancel(call_id).is_some()
    }

    /// A call of a project that is under way, at the gateway where it began.
    async fn find_running(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        match self.peers_with(call_id) {
            Some(peers) => peers.running_call(project, call_id).await,
            None => self.services.journal.find_running(project, call_id),
        }
    }

    /// The other gateways, if a call began at one of them.
    fn peers_with(&self, call_id: &CallId) -> Option<&dyn CallPeers> {
        self.services.peers.as_deref().filter(|_| call_id.gateway() != self.gateway)
    }

    async fn past_call(&self, caller: &Caller, call_id: &str) -> Result<Option<PastCall>, Error> {
        self.services.journal.settle(&caller.project_id).await;
        Ok(self.services.journal_store.call(&caller.project_id, call_id).await?.map(past_call))
    }

    /// Looks names up as they are now. A name that is not found is taken for an id.
    fn call_filter(&self, caller: &Caller, query: CallQuery) -> CallFilter {
        let (snapshot, project) = (self.services.directory.snapshot(), &caller.project_id);
        let entity = |name: String| snapshot.entity_named(project, &name).map_or(name, |row| row.id.to_string());
        let agent = |name: String| snapshot.agent_named(project, &name).map_or(name, |row| row.id.to_string());
        let environment = |name: String| {
            let found = environment::resolve(snapshot.environments(project), Some(&name));
            found.map(|environment| environment.id.to_string()).unwrap_or(name)
        };
        CallFilter {
            tool: query.tool,
            entity_id: query.entity.map(entity),
            environment_id: query.environment.map(environment),
            agent_id: query.agent.map(agent),
            scope: CallScope::of(caller),
            user_id: query.user_id,
            outcome: query.outcome,
            since_ms: query.since_ms,
            until_ms: query.until_ms,
            after: query.before.map(|before| (before.started_ms, before.call_id)),
        }
    }
}

fn replayable(arguments: &Payload) -> Result<&RawValue, Error> {
    match (arguments.state, &arguments.json) {
        (PayloadState::Kept, Some(json)) => Ok(json),
        (PayloadState::Redacted, _) => Err(not_replayable("parts of its arguments were redacted in the journal")),
        _ => Err(not_replayable("its arguments are not in the journal")),
    }
}

fn not_replayable(reason: &str) -> Error {
    let message = format!("the call cannot be replayed: {reason}; call the tool with arguments instead");
    Error::new(ErrorKind::NotReplayable, message)
}

fn past_call(row: StoredCall) -> PastCall {
    PastCall { arguments: payload(row.arguments), result: row.result.map(payload), summary: row.summary, end: row.end }
}

/// A call as a caller may see it. Tracebacks are for the operators of tools: only admins see them.
fn shown_to(caller: &Caller, mut call: PastCall) -> PastCall {
    let is_admin = authorize(caller, Action::Administer, Resource::Project(&caller.project_id)).is_ok();
    if !is_admin && call.end.outcome == ErrorKind::ToolFailed.code() {
        call.result = call.result.map(without_traceback);
    }
    call
}

fn without_traceback(words: Payload) -> Payload {
    let Some(json) = &words.json else { return words };
    let rest = serde_json::from_str(json.get()).and_then(|mut members: Map<String, Value>| {
        members.shift_remove(TRACEBACK);
        to_raw_value(&members)
    });
    match rest {
        Ok(rest) => Payload { json: Some(rest), ..words },
        Err(_) => Payload { state: PayloadState::Dropped, json: None },
    }
}

fn payload(stored: StoredText) -> Payload {
    // The stored text is JSON; anything else is not shown.
    let json = stored.text.and_then(|text| RawValue::from_string(text).ok());
    Payload { state: stored.state, json }
}
