//! [`Notifier`]: sends the progress and the log entries of a running call to the client that made the call.
#![expect(deprecated, reason = "clients of the revisions with sessions ask for a log")]

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Fuse, FusedFuture as _};
use rmcp::RoleServer;
use rmcp::model::{LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Revision;
use platools_protocol::LogLevel;

/// The client of one call, and the notices that it asked for.
#[derive(Debug)]
pub struct Notifier<'a> {
    context: &'a RequestContext<RoleServer>,
    token: Option<ProgressToken>,
    /// The level that the request asks for.
    level: Option<LogLevel>,
    session_level: &'a SessionLevel,
    revision: Revision,
    /// The tool, by the name that the client called it by.
    tool: String,
    /// Ends the sending of notices.
    given_up: Option<CancellationToken>,
}

/// The level that a client has set for its session, which it may change while a call runs.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionLevel(Arc<Mutex<Option<LogLevel>>>);

/// A report of a running tool.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolReport {
    /// Progress of the call.
    Progress {
        /// Grows from one report to the next.
        done: f64,
        /// The whole, if it is known.
        total: Option<f64>,
        /// The present step.
        message: Option<String>,
    },
    /// An entry of the call's log.
    Log {
        /// The severity.
        level: LogLevel,
        /// The text.
        message: String,
    },
}

/// The reports of one call.
pub trait ToolReports: Send {
    /// Waits for the next reports, for ever if there are none. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Vec<ToolReport>> + Send;

    /// The reports that were not taken before the call ended.
    fn rest(&mut self) -> Vec<ToolReport>;
}

impl<'a> Notifier<'a> {
    pub(super) fn new(context: &'a RequestContext<RoleServer>, session_level: &'a SessionLevel, tool: String) -> Self {
        let level = context.meta.log_level().map(renamed);
        let (token, revision) = (context.meta.get_progress_token(), Revision::of_request(context));
        Self { context, token, level, session_level, revision, tool, given_up: None }
    }

    /// Stops to send when a token is cancelled, too. It always stops when the client cancels the call or is gone.
    #[must_use]
    pub fn given_up_at(mut self, token: CancellationToken) -> Self {
        self.given_up = Some(token);
        self
    }

    /// True if the client asked for progress.
    #[must_use]
    pub fn wants_progress(&self) -> bool {
        self.token.is_some()
    }

    /// The revision that the client speaks.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Runs a call, and sends its reports meanwhile, one after the other. Those that are left are sent before it returns.
    pub async fn run<T>(&self, call: impl Future<Output = T>, mut reports: impl ToolReports) -> T {
        let mut call = pin!(call);
        let mut sending: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let output = loop {
            // Every arm is cancel-safe: the futures are kept, and only older progress is lost.
            tokio::select! {
                biased;
                // Before the reports, however many there are: the call's time may be up.
                output = &mut call => break output,
                () = &mut sending => {}
                next = reports.next(), if sending.is_terminated() => sending = self.send(next).boxed().fuse(),
            }
        };
        if !sending.is_terminated() {
            sending.await;
        }
        self.send(reports.rest()).await;
        output
    }

    /// Writes the end of a call to the client's log.
    pub async fn ended(&self, level: LogLevel, facts: Value) {
        self.unless_given_up(self.log(level, "platools", facts)).await;
    }

    async fn send(&self, reports: Vec<ToolReport>) {
        let sending = async {
            for report in reports {
                match report {
                    ToolReport::Progress { done, total, message } => self.progress(done, total, message).await,
                    ToolReport::Log { level, message } => self.log(level, &self.tool, message.into()).await,
                }
            }
        };
        self.unless_given_up(sending).await;
    }

    async fn progress(&self, done: f64, total: Option<f64>, message: Option<String>) {
        let Some(token) = &self.token else { return };
        let mut progress = ProgressNotificationParam::new(token.clone(), done);
        (progress.total, progress.message) = (total, message);
        // A client that is gone is noticed by the library.
        let _ = self.context.peer.notify_progress(self.revision.progress(progress)).await;
    }

    async fn log(&self, level: LogLevel, logger: &str, data: Value) {
        if self.level.or_else(|| self.session_level.get()).is_some_and(|wanted| level >= wanted) {
            let entry = LoggingMessageNotificationParam::new(renamed(level), data).with_logger(logger);
            let _ = self.context.peer.notify_logging_message(entry).await;
        }
    }

    /// Sends, unless the client does not want the call's answer either.
    async fn unless_given_up(&self, sending: impl Future<Output = ()>) {
        let given_up = async {
            match &self.given_up {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.context.ct.cancelled() => {}
            () = given_up => {}
            () = sending => {}
        }
    }
}

impl SessionLevel {
    pub(super) fn set(&self, level: rmcp::model::LoggingLevel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(renamed(level));
    }

    fn get(&self) -> Option<LogLevel> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A level of the library as a [`LogLevel`], or the other way round: both have the names of RFC 5424.
fn renamed<T: DeserializeOwned>(level: impl Serialize) -> T {
    serde_json::from_value(json!(level)).expect("both have all of the levels")
}
