//! [`CallRecord`]: follows one call from start to end, and hands its record to the journal. A dropped record counts as an interrupted call.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Journal;
use super::entry::JournalEntry;
use crate::arguments::Arguments;
use crate::catalog::FoundTool;
use crate::domain::call::{CallEnd, CallSummary};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::CallId;
use crate::domain::shared_text::SharedText;
use crate::domain::trace::TraceContext;
use crate::ports::call_observer::{BegunCall, EndedCall, Observers};
use crate::settings::Recording;

/// The status of a call whose end nobody waited for.
const ABANDONED: &str = "abandoned";

/// The member of a failure's words that has the traceback.
pub(crate) const TRACEBACK: &str = "traceback";

/// A call from its begin to its end. Dropping it tells the observers and records the call, once; without a noted end the call was
/// abandoned.
pub(crate) struct CallRecord<'a> {
    journal: &'a Journal,
    observers: &'a Observers,
    caller: &'a Caller,
    found: &'a FoundTool,
    arguments: Arguments,
    trace: &'a TraceContext,
    call_id: CallId,
    began_at: SystemTime,
    since: Instant,
    outcome: &'static str,
    result: Option<String>,
    result_bytes: Option<usize>,
    worker_ms: Option<u64>,
}

impl<'a> CallRecord<'a> {
    /// Begins the record of a call, which is under way from now on.
    pub(crate) fn begin(
        journal: &'a Journal,
        observers: &'a Observers,
        caller: &'a Caller,
        found: &'a FoundTool,
        arguments: &Arguments,
        trace: &'a TraceContext,
        call_id: &CallId,
    ) -> Self {
        let arguments = arguments.clone();
        let summary = CallSummary::begin(call_id, caller, found, arguments.len());
        journal.running().begin(caller.project_id.clone(), summary);
        let record = Self {
            journal,
            observers,
            caller,
            found,
            arguments,
            trace,
            call_id: call_id.clone(),
            began_at: SystemTime::now(),
            since: Instant::now(),
            outcome: ABANDONED,
            result: None,
            result_bytes: None,
            worker_ms: None,
        };
        observers.call_began(&record.begun());
        record
    }

    /// The call's id.
    pub(crate) fn call_id(&self) -> &CallId {
        &self.call_id
    }

    /// Notes the arguments as the tool is to get them.
    pub(crate) fn sends(&mut self, arguments: &Arguments) {
        self.arguments = arguments.clone();
    }

    /// Notes that the tool returned.
    pub(crate) fn returned(&mut self, result: &RawValue, worker_ms: u64) {
        self.outcome = "ok";
        self.result = self.keeps(result.get().len()).then(|| result.get().to_owned());
        self.result_bytes = Some(result.get().len());
        self.worker_ms = Some(worker_ms);
    }

    /// Notes that the call failed. The words of a tool that ran are kept like a result, with its traceback if there is room for that.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.outcome = error.kind().code();
        if error.kind() == ErrorKind::ToolFailed {
            let told = self.words(error);
            self.result_bytes = Some(told.len());
            self.result = self.keeps(told.len()).then_some(told);
        }
    }

    fn words(&self, error: &Error) -> String {
        let mut told = error.to_json();
        let short = told.to_string();
        let Some(traceback) = error.traceback() else { return short };
        told[TRACEBACK] = traceback.into();
        let long = told.to_string();
        if long.len() <= self.journal.settings().max_payload_bytes { long } else { short }
    }

    /// True if the journal's task keeps any part of a text of that length.
    fn keeps(&self, bytes: usize) -> bool {
        let settings = self.journal.settings();
        settings.recording != Recording::Nothing && bytes <= settings.max_payload_bytes
    }

    fn end(&self) -> CallEnd {
        CallEnd {
            outcome: self.outcome.into(),
            total_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            worker_ms: self.worker_ms,
            result_bytes: self.result_bytes.map(|bytes| bytes as u64),
        }
    }
}

impl CallRecord<'_> {
    /// The notice for observers at the begin.
    fn begun(&self) -> BegunCall<'_> {
        BegunCall {
            call_id: &self.call_id,
            tool: &self.found.tool.declaration.name,
            identity: &self.found.identity,
            caller: self.caller,
            began: self.began_at,
        }
    }

    /// The notice for observers at the end.
    fn ended(&self) -> EndedCall<'_> {
        EndedCall {
            call_id: &self.call_id,
            tool: &self.found.tool.declaration.name,
            identity: &self.found.identity,
            caller: self.caller,
            trace: self.trace,
            outcome: self.outcome,
            began: self.began_at,
            took: self.since.elapsed(),
            worker_ms: self.worker_ms,
        }
    }
}

impl Drop for CallRecord<'_> {
    fn drop(&mut self) {
        let arguments = self.keeps(self.arguments.len()).then(|| self.arguments.text().clone());
        let (result, end) = (self.result.take().map(SharedText::from), self.end());
        let (project, tool) = (&self.caller.project_id, Arc::clone(&self.found.tool));
        // Whoever looks for the call finds it at any time: under way, or among what waits for the journal's task.
        let ending = self.journal.running().end(project, &self.call_id, |summary| {
            let project_id = project.clone();
            self.journal.submit(JournalEntry {
                project_id,
                summary,
                end,
                tool,
                arguments,
                result,
                since: Instant::now(),
            });
        });
        // After that: a dashboard's snapshot that has the call would otherwise be the last that is said of it. And before the call counts
        // as over, so that whoever waits for the last one finds all of them told.
        self.observers.call_ended(&self.ended());
        drop(ending);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::FutureExt as _;

    use super::*;
    use crate::domain::identity::Identity;
    use crate::domain::tool::StoredTool;
    use crate::ports::call_observer::CallObserver;

    /// Notes how many calls are under way when it is told of one, and whether the journal takes all for over.
    #[derive(Debug)]
    struct Watch(Arc<Journal>, Mutex<Vec<(usize, bool)>>);

    impl Watch {
        fn note(&self, caller: &Caller) {
            let under_way = self.0.running_calls(&caller.project_id).len();
            self.1.lock().unwrap().push((under_way, self.0.idle().now_or_never().is_some()));
        }
    }

    impl CallObserver for Watch {
        fn call_began(&self, call: &BegunCall<'_>) {
            self.note(call.caller);
        }

        fn call_ended(&self, call: &EndedCall<'_>) {
            self.note(call.caller);
        }
    }

    #[test]
    fn who_is_told_of_an_end_does_not_find_the_call_any_more_and_whoever_waits_for_the_last_one_waits_for_that() {
        let journal = Arc::new(Journal::closed());
        let watch = Arc::new(Watch(Arc::clone(&journal), Mutex::default()));
        let observers = Observers::new(Arc::clone(&watch) as _);
        let declaration =
            platools_protocol::tool_sync::ToolDeclaration::new("t", "", serde_json::json!({"type": "object"}));
        let row = StoredTool { declaration, fingerprint: String::new(), changed_ms: 0 };
        let found = FoundTool { identity: Identity::sample(), tool: Arc::new(row.into()) };
        let (arguments, trace) = (Arguments::none(), TraceContext::from_parent(None));
        let caller = Caller::sample("k");
        drop(CallRecord::begin(&journal, &observers, &caller, &found, &arguments, &trace, &CallId::random()));
        assert_eq!(*watch.1.lock().unwrap(), [(1, false), (0, false)]);
        assert!(journal.idle().now_or_never().is_some());
    }
}
