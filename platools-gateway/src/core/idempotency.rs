//! Calls that their callers named, so that trying again does not run them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Core;
use super::digest::sha256;
use super::error::{ArgumentProblem, Error, ErrorKind};
use super::identity::{Caller, Credential};
use super::ids::{AgentId, CallId};
use super::invoke::{CallReply, CallRequest};
use crate::store::{EarlierRequest, RequestName};

/// How long an answer is kept: 24 hours.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long until an answer that could not be kept is tried again.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// A name may have so many characters.
const MAX_NAME_CHARS: usize = 255;

/// The calls under way that have a name.
#[derive(Debug, Default)]
pub(crate) struct Idempotency {
    running: Mutex<HashMap<RequestName, AnswerReceiver>>,
    tasks: TaskTracker,
    /// What could not be kept yet is tried for the last time.
    stopping: CancellationToken,
}

type AnswerReceiver = watch::Receiver<Option<Arc<Answer>>>;

/// How a call ended, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    fingerprint: String,
    call_id: Option<String>,
    end: End,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Returned {
        result: Box<RawValue>,
        latency_ms: u64,
    },
    Failed {
        kind: ErrorKind,
        message: String,
        problems: Vec<ArgumentProblem>,
        /// For those who wait for the answer now; later it says nothing any more.
        #[serde(skip)]
        wait: Option<Duration>,
    },
}

/// What the database is to know of a request that was answered.
enum Note {
    Answered(String),
    NeverMade,
}

/// The sort of end only: results and messages are not for a log.
impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Returned { .. } => "Returned",
            Self::Failed { .. } => "Failed",
        })
    }
}

impl Core {
    /// Calls a tool under a name. The same call under the same name gets the same answer for [`KEPT`], also while it is still
    /// under way, and after a restart; the call goes on when its caller goes away.
    ///
    /// What certainly did not run is not kept: a worker that was not connected may be when the caller tries again.
    ///
    /// # Errors
    /// Like [`Core::call`]; or the name is malformed, or was used for another call.
    pub async fn call_named(
        self: &Arc<Self>,
        caller: &Caller,
        name: &str,
        request: CallRequest,
    ) -> Result<CallReply, Error> {
        if name.is_empty() || name.chars().nth(MAX_NAME_CHARS).is_some() {
            let message = "the idempotency key must have from 1 to 255 characters";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let fingerprint = fingerprint(&request);
        let name = RequestName { owner: owner(caller), name: name.to_owned() };
        let mut answer = self.answer_to(caller, name, request, &fingerprint);
        let interrupted = |_| Error::new(ErrorKind::Interrupted, "the gateway stopped before the tool answered");
        let answer = answer.wait_for(Option::is_some).await.map_err(interrupted)?.clone();
        answer.ok_or_else(unknown_end)?.reply(&fingerprint)
    }

    /// Where the answer to a request will be: to one of that name that is under way, or else to this one.
    fn answer_to(
        self: &Arc<Self>,
        caller: &Caller,
        name: RequestName,
        request: CallRequest,
        fingerprint: &str,
    ) -> AnswerReceiver {
        let mut running = self.idempotency.lock();
        if let Some(running) = running.get(&name) {
            return running.clone();
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(name.clone(), receiver.clone());
        let (core, caller, fingerprint) = (Arc::clone(self), caller.clone(), fingerprint.to_owned());
        self.idempotency.tasks.spawn(async move {
            let (answer, unkept) = core.answer_once(&caller, &name, request, fingerprint).await;
            let answer = Some(Arc::new(answer));
            if let Some(note) = unkept {
                // Whoever asks again meanwhile is answered from memory.
                sender.send_replace(answer.clone());
                core.keep_trying_to_note(&name, &note).await;
            }
            core.idempotency.lock().remove(&name);
            sender.send_replace(answer);
        });
        receiver
    }

    /// The answer that was given to a request of that name, or else what comes of making it; and what the database should know
    /// of it and could not be told.
    async fn answer_once(
        &self,
        caller: &Caller,
        name: &RequestName,
        request: CallRequest,
        fingerprint: String,
    ) -> (Answer, Option<Note>) {
        match self.store.begin_request(name, &fingerprint).await {
            Ok(None) => {}
            Ok(Some(earlier)) => return (Answer::from(earlier), None),
            Err(error) => return (Answer::new(fingerprint, Err(error)), None),
        }
        let ended = self.call(caller, request).await;
        let is_retryable = ended.as_ref().is_err_and(|error| error.kind().is_retryable());
        let answer = Answer::new(fingerprint, ended);
        let note = if is_retryable { Note::NeverMade } else { Note::Answered(answer.to_text()) };
        match self.note(name, &note).await {
            Ok(()) => (answer, None),
            Err(error) => {
                tracing::error!(%error, "the answer to a named call cannot be kept yet; it is tried again");
                (answer, Some(note))
            }
        }
    }

    async fn note(&self, name: &RequestName, note: &Note) -> Result<(), Error> {
        match note {
            Note::Answered(answer) => self.store.end_request(name, answer).await,
            Note::NeverMade => self.store.forget_request(name).await,
        }
    }

    /// Tries until the database has it, or the gateway stops. That many of these wait at most as there were calls under way when
    /// the database began to fail: it takes no new names either.
    async fn keep_trying_to_note(&self, name: &RequestName, note: &Note) {
        let stopping = &self.idempotency.stopping;
        loop {
            let _ = timeout(NEXT_TRY, stopping.cancelled()).await;
            let is_last = stopping.is_cancelled();
            match self.note(name, note).await {
                Ok(()) => return,
                Err(error) if is_last => {
                    tracing::error!(%error, "the answer to a named call could not be kept and is lost");
                    return;
                }
                Err(error) => tracing::debug!(%error, "the answer to a named call could not be kept"),
            }
        }
    }

    /// Forgets answers that are old enough.
    pub(crate) async fn forget_old_answers(&self) -> Result<(), Error> {
        self.store.forget_requests_before(self.aging.cutoff_ms(KEPT)).await
    }
}

impl Idempotency {
    /// Waits no longer for a database that fails.
    pub(crate) fn begin_stop(&self) {
        self.stopping.cancel();
    }

    /// Waits until every named call has ended and its answer is kept.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestName, AnswerReceiver>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells one request from another, whenever and however patiently it is made.
fn fingerprint(CallRequest { tool, arguments, .. }: &CallRequest) -> String {
    let parts = (&tool.name, &tool.entity, &tool.environment, arguments.as_str());
    sha256(&serde_json::to_string(&parts).expect("strings serialize"))
}

impl Answer {
    fn new(fingerprint: String, ended: Result<CallReply, Error>) -> Self {
        match ended {
            Ok(CallReply { call_id, result, latency_ms }) => {
                Self { fingerprint, call_id: Some(call_id.to_string()), end: End::Returned { result, latency_ms } }
            }
            Err(error) => {
                let end = End::Failed {
                    kind: error.kind(),
                    message: error.to_string(),
                    problems: error.problems().to_vec(),
                    wait: error.wait(),
                };
                Self { fingerprint, call_id: error.call_id().map(ToString::to_string), end }
            }
        }
    }

    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and raw JSON always serialize")
    }

    /// The answer, for whoever made the same request.
    fn reply(&self, fingerprint: &str) -> Result<CallReply, Error> {
        if self.fingerprint != fingerprint {
            let message = "the idempotency key was used for another call; use a new one";
            return Err(Error::new(ErrorKind::NameTaken, message));
        }
        match &self.end {
            End::Returned { result, latency_ms } => Ok(CallReply {
                call_id: self.call_id.as_deref().unwrap_or_default().into(),
                result: result.clone(),
                latency_ms: *latency_ms,
            }),
            End::Failed { kind, message, problems, wait } => {
                let error = Error::new(*kind, message).with_problems(problems.clone());
                let error = match wait {
                    Some(wait) => error.retry_after(*wait),
                    None => error,
                };
                Err(match &self.call_id {
                    Some(call_id) => error.about_call(&CallId::from(&**call_id)),
                    None => error,
                })
            }
        }
    }
}

impl From<EarlierRequest> for Answer {
    fn from(earlier: EarlierRequest) -> Self {
        let stored = earlier.answer.as_deref().and_then(|answer| serde_json::from_str(answer).ok());
        stored.unwrap_or_else(|| Self::new(earlier.fingerprint, Err(unknown_end())))
    }
}

fn unknown_end() -> Error {
    Error::new(ErrorKind::Interrupted, "the gateway stopped during this call; whether the tool ran is not known")
}

/// Whose names these are: a key's, or those of the user and agent a token speaks for, whichever token it is.
fn owner(caller: &Caller) -> String {
    match (&caller.credential, &caller.user_id, &caller.agent_id) {
        (Credential::Token { .. }, user, agent) if user.is_some() || agent.is_some() => {
            let agent = agent.as_ref().map(AgentId::as_str);
            serde_json::to_string(&(caller.project_id.as_str(), user, agent)).expect("strings serialize")
        }
        (credential, ..) => credential.to_string(),
    }
}
