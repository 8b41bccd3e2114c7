//! What a client is told of a call while it runs.

use std::pin::pin;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Fuse, FusedFuture as _};
use platools::mcp::Revision;
use rmcp::RoleServer;
use rmcp::model::{ErrorData, ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;

use super::log::Log;
use super::session::Session;
use crate::calls::CallReply;
use crate::domain::error::Error;
use crate::pending::{LogEntry, Progress, Report, Reports};

/// A call's client, and what it wants to know.
pub(super) struct Telling<'a> {
    context: &'a RequestContext<RoleServer>,
    token: Option<ProgressToken>,
    log: Log<'a>,
    revision: Revision,
    /// The tool, as its client calls it.
    tool: &'a str,
}

impl<'a> Telling<'a> {
    pub(super) fn new(session: &'a Session, context: &'a RequestContext<RoleServer>, tool: &'a str) -> Self {
        let (token, revision) = (context.meta.get_progress_token(), Revision::of_request(context));
        Self { context, token, log: Log::of(session, context), revision, tool }
    }

    /// Runs a call, and tells its client what the tool says meanwhile, one thing at a time and as far as it wants to know.
    pub(super) async fn until(
        &self,
        call: impl Future<Output = Result<CallReply, Error>>,
        mut reports: Reports,
    ) -> Result<Result<CallReply, Error>, ErrorData> {
        let mut call = pin!(call);
        let mut sending: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let end = loop {
            // Every arm is cancel-safe: what runs is kept, and nothing is lost but older progress.
            tokio::select! {
                biased;
                // Nobody reads this answer.
                () = self.context.ct.cancelled() => return Err(ErrorData::internal_error("the request was cancelled", None)),
                // Before what the tool says, however much that is: its time may be up.
                end = &mut call => break end,
                () = &mut sending => {}
                report = reports.next(), if sending.is_terminated() => sending = self.tell(report).boxed().fuse(),
            }
        };
        if !sending.is_terminated() {
            sending.await;
        }
        for report in reports.rest() {
            self.tell(report).await;
        }
        Ok(end)
    }

    /// Says how the call ended, if the client wants to know.
    pub(super) async fn ended(&self, end: &Result<CallReply, Error>) {
        self.log.ended(self.context, self.tool, end).await;
    }

    /// Whoever gives the call up is not waited for.
    async fn tell(&self, report: Report) {
        match (report, &self.token) {
            (Report::Progress(progress), Some(token)) => {
                tokio::select! {
                    () = self.context.ct.cancelled() => {}
                    _ = self.context.peer.notify_progress(self.revision.progress(param(token, progress))) => {}
                }
            }
            (Report::Progress(_), None) => {}
            (Report::Log(LogEntry { level, message }), _) => {
                self.log.write(self.context, level, self.tool, message.into()).await;
            }
        }
    }
}

fn param(token: &ProgressToken, report: Progress) -> ProgressNotificationParam {
    let mut param = ProgressNotificationParam::new(token.clone(), report.progress);
    param.total = report.total;
    param.message = report.message;
    param
}
