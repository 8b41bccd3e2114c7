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

/// The record of a call from its begin to its end, when it goes to the observers and the journal. Dropped before that, it says that the
/// call was abandoned.
pub(crate) struct CallRecord<'a> {
    journal: &'a Journal,
    observers: &'a Observers,
    call: RecordedCall<'a>,
    arguments: Arguments,
    began: SystemTime,
    since: Instant,
    outcome: &'static str,
    result: Option<String>,
    result_bytes: Option<usize>,
    worker_ms: Option<u64>,
    is_written: bool,
}

/// The call that a record is about.
#[derive(Clone, Copy)]
pub(crate) struct RecordedCall<'a> {
    pub(crate) call_id: &'a CallId,
    pub(crate) caller: &'a Caller,
    pub(crate) found: &'a FoundTool,
    pub(crate) trace: &'a TraceContext,
}

impl<'a> CallRecord<'a> {
    /// Begins the record of a call, which is under way from now on.
    pub(crate) fn begin(
        journal: &'a Journal,
        observers: &'a Observers,
        call: RecordedCall<'a>,
        arguments: &Arguments,
    ) -> Self {
        let RecordedCall { call_id, caller, found, .. } = call;
        journal.running.begin(&caller.project_id, CallSummary::begin(call_id, caller, found, arguments.len()));
        let (arguments, began, since) = (arguments.clone(), SystemTime::now(), Instant::now());
        let (outcome, result, result_bytes, worker_ms) = (ABANDONED, None, None, None);
        let is_written = false;
        let record = Self {
            journal,
            observers,
            call,
            arguments,
            began,
            since,
            outcome,
            result,
            result_bytes,
            worker_ms,
            is_written,
        };
        let (tool, identity) = (&found.tool.declaration.name, &found.identity);
        observers.call_began(&BegunCall { call_id, tool, identity, caller, began });
        record
    }

    /// Notes the arguments as the tool is to get them.
    pub(crate) fn note_arguments(&mut self, arguments: &Arguments) {
        self.arguments = arguments.clone();
    }

    /// Ends the record of a call whose tool returned.
    pub(crate) fn finish_returned(mut self, result: &RawValue, worker_ms: u64) {
        self.outcome = "ok";
        self.result = self.keeps(result.get().len()).then(|| result.get().to_owned());
        self.result_bytes = Some(result.get().len());
        self.worker_ms = Some(worker_ms);
        self.write();
    }

    /// Ends the record of a call that failed. The words of a tool that ran are kept like a result, with its traceback if there is room
    /// for that.
    pub(crate) fn finish_failed(mut self, error: &Error) {
        self.outcome = error.kind().code();
        if error.kind() == ErrorKind::ToolFailed {
            let told = self.words(error);
            self.result_bytes = Some(told.len());
            self.result = self.keeps(told.len()).then_some(told);
        }
        self.write();
    }

    fn words(&self, error: &Error) -> String {
        let mut told = error.to_json();
        let short = told.to_string();
        let Some(traceback) = error.traceback() else { return short };
        told[TRACEBACK] = traceback.into();
        let long = told.to_string();
        if long.len() <= self.journal.settings.max_payload_bytes { long } else { short }
    }

    /// True if the journal's task keeps any part of a text of that length.
    fn keeps(&self, bytes: usize) -> bool {
        let settings = &self.journal.settings;
        settings.recording != Recording::Nothing && bytes <= settings.max_payload_bytes
    }

    /// Hands the record to the journal and to the observers.
    fn write(&mut self) {
        self.is_written = true;
        let RecordedCall { call_id, caller, found, trace } = self.call;
        let (took, worker_ms) = (self.since.elapsed(), self.worker_ms);
        let end = CallEnd {
            outcome: self.outcome.into(),
            total_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            worker_ms,
            result_bytes: self.result_bytes.map(|bytes| bytes as u64),
        };
        let arguments = self.keeps(self.arguments.len()).then(|| self.arguments.text().clone());
        let result = self.result.take().map(SharedText::from);
        let (project_id, tool, since) = (caller.project_id.clone(), Arc::clone(&found.tool), Instant::now());
        // A search finds the call at any time: under way, or among the records that wait for the journal's task.
        let ending = self.journal.running.end(&caller.project_id, call_id, |summary| {
            self.journal.submit(JournalEntry { project_id, summary, end, tool, arguments, result, since });
        });
        // After that: otherwise the last event of a dashboard would be a snapshot that has the call. And before the call counts as over:
        // all observers know of it once no call is under way.
        let (tool, identity) = (&found.tool.declaration.name, &found.identity);
        let (outcome, began) = (self.outcome, self.began);
        self.observers.call_ended(&EndedCall {
            call_id,
            tool,
            identity,
            caller,
            trace,
            outcome,
            began,
            took,
            worker_ms,
        });
        drop(ending);
    }
}

impl Drop for CallRecord<'_> {
    fn drop(&mut self) {
        if !self.is_written {
            self.write();
        }
    }
}

/// The outcome of a call whose caller went away before the end.
const ABANDONED: &str = "abandoned";

/// The member of a failure's words that has the traceback.
pub(crate) const TRACEBACK: &str = "traceback";

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
        let observers: Observers = [Arc::clone(&watch) as Arc<dyn CallObserver>].into_iter().collect();
        let declaration =
            platools_protocol::tool_sync::ToolDeclaration::new("t", "", serde_json::json!({"type": "object"}));
        let row = StoredTool { declaration, fingerprint: String::new(), changed_ms: 0 };
        let found = FoundTool { identity: Identity::sample(), tool: Arc::new(row.into()) };
        let (arguments, trace) = (Arguments::none(), TraceContext::from_parent(None));
        let caller = Caller::sample("k");
        let call = RecordedCall { call_id: &CallId::random(), caller: &caller, found: &found, trace: &trace };
        drop(CallRecord::begin(&journal, &observers, call, &arguments));
        assert_eq!(*watch.1.lock().unwrap(), [(1, false), (0, false)]);
        assert!(journal.idle().now_or_never().is_some());
    }
}
