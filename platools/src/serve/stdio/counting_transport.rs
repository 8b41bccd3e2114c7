//! [`CountingTransport`]: counts the requests that have no answer yet, while it passes messages between a client and the MCP library
//! `rmcp`.
//!
//! `rmcp` reads more messages than it has begun to answer. When the input ends, the server must still answer all requests before that, so
//! each request counts from the moment it is read.

use std::collections::HashMap;

use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ClientRequest, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::result_limit::within_limit;
use crate::serve::call_tracker::CallTracker;

/// Passes messages on, and counts requests until their answers are written.
pub(super) struct CountingTransport<T> {
    inner: T,
    calls: CallTracker,
    unanswered: HashMap<RequestId, TaskTrackerToken>,
}

impl<T> CountingTransport<T> {
    pub(super) fn new(inner: T, calls: CallTracker) -> Self {
        Self { inner, calls, unanswered: HashMap::new() }
    }

    fn note(&mut self, message: &RxJsonRpcMessage<RoleServer>) {
        match message {
            // One that listens is answered when the server stops.
            JsonRpcMessage::Request(asked)
                if !matches!(asked.request, ClientRequest::SubscriptionsListenRequest(_)) =>
            {
                self.unanswered.insert(asked.id.clone(), self.calls.answer());
            }
            // What is cancelled is not answered.
            JsonRpcMessage::Notification(told) => {
                if let ClientNotification::CancelledNotification(cancelled) = &told.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.unanswered.remove(id);
                }
            }
            _ => {}
        }
    }

    /// The count of the request that a message answers.
    fn answered(&mut self, message: &TxJsonRpcMessage<RoleServer>) -> Option<TaskTrackerToken> {
        match message {
            JsonRpcMessage::Response(answer) => self.unanswered.remove(&answer.id),
            JsonRpcMessage::Error(error) => error.id.as_ref().and_then(|id| self.unanswered.remove(id)),
            _ => None,
        }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for CountingTransport<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        let answered = self.answered(&message);
        let sent = self.inner.send(within_limit(message));
        async move {
            let sent = sent.await;
            drop(answered);
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.inner.receive().await?;
        self.note(&message);
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.inner.close()
    }
}
