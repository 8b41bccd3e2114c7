//! [`MemberRequests`]: asks other members about calls that began there, and about tickets and sessions of browsers that they issued.
//! [`MemberResponder`] answers such requests of other members.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use platools_bus::InboxBounds;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::messenger::{MemberMessage, Messenger, Response, Topic};
use crate::calls::Calls;
use crate::connections::BrowserSessions;
use crate::domain::call::CallSummary;
use crate::domain::idempotency::KeyedCallStatus;
use crate::domain::identity::Caller;
use crate::domain::ids::{CallId, GatewayNumber, ProjectId};
use crate::ports::remote_browser_sessions::{FoundSession, RemoteBrowserSessions, SessionUsage};
use crate::ports::remote_calls::RemoteCalls;
use crate::ports::remote_tickets::RemoteTickets;
use crate::sessions::Sessions;

/// Requests about calls and tickets, for the member that has them.
const REQUESTS: Topic = Topic::new("peers");

/// The wait for a response beyond the time that the request itself allows.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// Requests that wait to be read.
const WAITING: InboxBounds = InboxBounds { messages: 4096, bytes: 16 * 1024 * 1024 };

/// Requests that are answered at once. Further ones wait in the inbox, and then are refused.
const AT_ONCE: usize = 4096;

/// A request of [`REQUESTS`]. It has no `Debug`: the hash of a ticket or a session is for its issuer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MemberRequest {
    /// Waits for the answer of a call under an idempotency key.
    KeyedCall { id: String, limit_ms: u64 },
    /// Finds a call that is under way.
    RunningCall { project: ProjectId, call_id: CallId },
    /// Cancels a call.
    CancelCall { project: ProjectId, call_id: CallId },
    /// Redeems a ticket.
    TakeTicket { hash: String },
    /// Finds a session of a browser.
    FindSession { hash: String, usage: SessionUsage },
    /// Ends a session of a browser.
    CloseSession { hash: String },
}

/// Asks other members about calls and tickets.
#[derive(Debug)]
pub(crate) struct MemberRequests(Messenger);

impl MemberRequests {
    /// The members that a messenger reaches.
    pub(crate) fn new(messenger: Messenger) -> Self {
        Self(messenger)
    }

    /// The response of a member. `None` if it does not respond.
    async fn ask<R: DeserializeOwned>(
        &self,
        member: GatewayNumber,
        request: &MemberRequest,
        limit: Duration,
    ) -> Option<R> {
        let response = self.0.request(member, REQUESTS, request, limit).await;
        response.inspect_err(|error| tracing::debug!(gateway = member.get(), %error, "member did not respond")).ok()
    }
}

#[async_trait]
impl RemoteCalls for MemberRequests {
    async fn keyed_call(&self, gateway: GatewayNumber, id: &str, limit: Duration) -> Option<KeyedCallStatus> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let request = MemberRequest::KeyedCall { id: id.to_owned(), limit_ms };
        self.ask(gateway, &request, limit.saturating_add(RESPONSE_LIMIT)).await
    }

    async fn running_call(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let request = MemberRequest::RunningCall { project: project.clone(), call_id: call_id.clone() };
        self.ask::<Option<CallSummary>>(call_id.gateway(), &request, RESPONSE_LIMIT).await.flatten()
    }

    async fn cancel_call(&self, project: &ProjectId, call_id: &CallId) -> bool {
        let request = MemberRequest::CancelCall { project: project.clone(), call_id: call_id.clone() };
        self.ask(call_id.gateway(), &request, RESPONSE_LIMIT).await.unwrap_or(false)
    }
}

#[async_trait]
impl RemoteTickets for MemberRequests {
    async fn take_ticket(&self, gateway: GatewayNumber, hash: &str) -> Option<Caller> {
        let request = MemberRequest::TakeTicket { hash: hash.to_owned() };
        self.ask::<Option<Caller>>(gateway, &request, RESPONSE_LIMIT).await.flatten()
    }
}

#[async_trait]
impl RemoteBrowserSessions for MemberRequests {
    async fn find_session(&self, gateway: GatewayNumber, hash: &str, usage: SessionUsage) -> Option<FoundSession> {
        let request = MemberRequest::FindSession { hash: hash.to_owned(), usage };
        self.ask::<Option<FoundSession>>(gateway, &request, RESPONSE_LIMIT).await.flatten()
    }

    async fn close_session(&self, gateway: GatewayNumber, hash: &str) -> bool {
        let request = MemberRequest::CloseSession { hash: hash.to_owned() };
        self.ask::<()>(gateway, &request, RESPONSE_LIMIT).await.is_some()
    }
}

/// Answers the requests of other members.
pub(super) struct MemberResponder {
    pub(super) messenger: Messenger,
    pub(super) calls: Arc<Calls>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) browser_sessions: Arc<BrowserSessions>,
}

impl MemberResponder {
    /// Receives requests. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut messages = self.messenger.messages_to_this(REQUESTS, WAITING);
        let mut running = FuturesUnordered::new();
        loop {
            // Both arms are cancel-safe.
            tokio::select! {
                received = messages.next::<MemberRequest>(), if running.len() < AT_ONCE => match received {
                    Some(MemberMessage::Message(request, Some(response))) => running.push(self.answer(request, response)),
                    // A message that is no request has nobody who waits.
                    Some(MemberMessage::Message(_, None) | MemberMessage::Gap) => {}
                    None => return,
                },
                Some(()) = running.next() => {}
            }
        }
    }

    async fn answer(&self, request: MemberRequest, response: Response) {
        match request {
            MemberRequest::KeyedCall { id, limit_ms } => {
                response.send(&self.calls.keyed_call_status(&id, Duration::from_millis(limit_ms)).await);
            }
            MemberRequest::RunningCall { project, call_id } => {
                response.send(&self.calls.running_here(&project, &call_id).await);
            }
            MemberRequest::CancelCall { project, call_id } => {
                response.send(&self.calls.cancel_here(&project, &call_id))
            }
            MemberRequest::TakeTicket { hash } => response.send(&self.sessions.take_ticket_here(&hash)),
            MemberRequest::FindSession { hash, usage } => response.send(&self.browser_sessions.find_here(hash, usage)),
            MemberRequest::CloseSession { hash } => response.send(&self.browser_sessions.close_here(hash)),
        }
    }
}

impl fmt::Debug for MemberResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberResponder").finish_non_exhaustive()
    }
}
