//! [`MemberPeers`]: asks other members about calls that began there, and about tickets and sessions of browsers that they issued. [`PeerRequests`] answers such requests
//! of other members.

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
use crate::ports::browser_session_peers::{BrowserSessionPeers, FoundSession, SessionUsage};
use crate::ports::call_peers::CallPeers;
use crate::ports::ticket_peers::TicketPeers;
use crate::sessions::Sessions;

/// Requests about calls and tickets, for the member that has them.
const PEERS: Topic = Topic::new("peers");

/// The wait for a response beyond the time that the request itself allows.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// Requests that wait to be read.
const WAITING: InboxBounds = InboxBounds { messages: 4096, bytes: 16 * 1024 * 1024 };

/// Requests that are answered at once. Further ones wait in the inbox, and then are refused.
const AT_ONCE: usize = 4096;

/// A request of [`PEERS`]. It has no `Debug`: the hash of a ticket or a session is for its issuer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PeerRequest {
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

/// The other members, as calls and sessions ask them.
#[derive(Debug)]
pub(crate) struct MemberPeers(Messenger);

impl MemberPeers {
    /// The members that a messenger reaches.
    pub(crate) fn new(messenger: Messenger) -> Self {
        Self(messenger)
    }

    /// The response of a member. `None` if it does not respond.
    async fn ask<R: DeserializeOwned>(
        &self,
        member: GatewayNumber,
        request: &PeerRequest,
        limit: Duration,
    ) -> Option<R> {
        let response = self.0.request(member, PEERS, request, limit).await;
        response.inspect_err(|error| tracing::debug!(gateway = member.get(), %error, "member did not respond")).ok()
    }
}

#[async_trait]
impl CallPeers for MemberPeers {
    async fn keyed_call(&self, gateway: GatewayNumber, id: &str, limit: Duration) -> Option<KeyedCallStatus> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let request = PeerRequest::KeyedCall { id: id.to_owned(), limit_ms };
        self.ask(gateway, &request, limit.saturating_add(RESPONSE_LIMIT)).await
    }

    async fn running_call(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let request = PeerRequest::RunningCall { project: project.clone(), call_id: call_id.clone() };
        self.ask::<Option<CallSummary>>(call_id.gateway(), &request, RESPONSE_LIMIT).await.flatten()
    }

    async fn cancel_call(&self, project: &ProjectId, call_id: &CallId) -> bool {
        let request = PeerRequest::CancelCall { project: project.clone(), call_id: call_id.clone() };
        self.ask(call_id.gateway(), &request, RESPONSE_LIMIT).await.unwrap_or(false)
    }
}

#[async_trait]
impl TicketPeers for MemberPeers {
    async fn take_ticket(&self, gateway: GatewayNumber, hash: &str) -> Option<Caller> {
        let request = PeerRequest::TakeTicket { hash: hash.to_owned() };
        self.ask::<Option<Caller>>(gateway, &request, RESPONSE_LIMIT).await.flatten()
    }
}

#[async_trait]
impl BrowserSessionPeers for MemberPeers {
    async fn find_session(&self, gateway: GatewayNumber, hash: &str, usage: SessionUsage) -> Option<FoundSession> {
        let request = PeerRequest::FindSession { hash: hash.to_owned(), usage };
        self.ask::<Option<FoundSession>>(gateway, &request, RESPONSE_LIMIT).await.flatten()
    }

    async fn close_session(&self, gateway: GatewayNumber, hash: &str) -> bool {
        let request = PeerRequest::CloseSession { hash: hash.to_owned() };
        self.ask::<()>(gateway, &request, RESPONSE_LIMIT).await.is_some()
    }
}

/// Answers the requests of other members.
pub(super) struct PeerRequests {
    pub(super) messenger: Messenger,
    pub(super) calls: Arc<Calls>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) browser_sessions: Arc<BrowserSessions>,
}

impl PeerRequests {
    /// Receives requests. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut messages = self.messenger.messages_to_this(PEERS, WAITING);
        let mut running = FuturesUnordered::new();
        loop {
            // Both arms are cancel-safe.
            tokio::select! {
                received = messages.next::<PeerRequest>(), if running.len() < AT_ONCE => match received {
                    Some(MemberMessage::Message(request, Some(response))) => running.push(self.answer(request, response)),
                    // A message that is no request has nobody who waits.
                    Some(MemberMessage::Message(_, None) | MemberMessage::Gap) => {}
                    None => return,
                },
                Some(()) = running.next() => {}
            }
        }
    }

    async fn answer(&self, request: PeerRequest, response: Response) {
        match request {
            PeerRequest::KeyedCall { id, limit_ms } => {
                response.send(&self.calls.keyed_call_status(&id, Duration::from_millis(limit_ms)).await);
            }
            PeerRequest::RunningCall { project, call_id } => {
                response.send(&self.calls.running_here(&project, &call_id).await);
            }
            PeerRequest::CancelCall { project, call_id } => response.send(&self.calls.cancel_here(&project, &call_id)),
            PeerRequest::TakeTicket { hash } => response.send(&self.sessions.take_ticket_here(&hash)),
            PeerRequest::FindSession { hash, usage } => response.send(&self.browser_sessions.find_here(hash, usage)),
            PeerRequest::CloseSession { hash } => response.send(&self.browser_sessions.close_here(hash)),
        }
    }
}

impl fmt::Debug for PeerRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerRequests").finish_non_exhaustive()
    }
}
