//! `connect`: who a caller is.

use std::time::Duration;

use platools::wire::rpc::{
    Connect, Connected, ErrorCode, MAX_USER_ID_CHARS, Request, Response, Role, RpcError, method,
};
use secrecy::SecretString;
use serde_json::value::to_raw_value;
use tokio::time::timeout;

use super::errors::invalid;
use super::queue::Queue;
use crate::audit::action;
use crate::core::error::ErrorKind;
use crate::core::identity::Caller;
use crate::core::origin::RequestOrigin;
use crate::core::{Core, Presence};
use crate::listen::socket::Incoming;

/// How long finding out who a caller is may take.
const AUTHENTICATION: Duration = Duration::from_secs(10);

/// Somebody who has not said who it is.
pub(super) struct Stranger<'a> {
    pub(super) core: &'a Core,
    pub(super) queue: &'a Queue,
    pub(super) presence: &'a Presence,
    pub(super) from: RequestOrigin,
}

impl Stranger<'_> {
    /// Answers one message. With a `connect` that is accepted the stranger becomes a caller.
    pub(super) async fn receive(&self, incoming: &Incoming) -> Option<Caller> {
        let request = read(incoming, self.queue)?;
        let connected = match &*request.method {
            method::CONNECT => self.connect(&request).await,
            _ => Err(RpcError::new(ErrorCode::Unauthorized, "the first request must be `connect`")),
        };
        match connected {
            Ok(caller) => {
                let role = Role::from(caller.role.as_str());
                let reply = Connected::new(role, caller.user_id.as_deref().unwrap_or_default());
                let payload = to_raw_value(&reply).expect("strings and numbers always serialize");
                self.queue.response(&Response::success(request.id, &payload));
                Some(caller)
            }
            Err(error) => {
                self.queue.response(&Response::failure(request.id, error));
                None
            }
        }
    }

    async fn connect(&self, request: &Request<'_>) -> Result<Caller, RpcError> {
        let connect: Connect = request.decode()?;
        if !connect.has_valid_user_id() {
            return Err(invalid(format!("`user_id` must have from 1 to {MAX_USER_ID_CHARS} characters")));
        }
        let too_late = |_| RpcError::new(ErrorCode::Unavailable, "the token could not be checked in time; try again");
        let caller = timeout(AUTHENTICATION, self.identify(connect.token)).await.map_err(too_late)??;
        if caller.user_id.as_ref().is_some_and(|own| *own != connect.user_id) {
            let message = "this token speaks for another user; connect with that `user_id`";
            self.core.audit().refused(action::RPC_CONNECT, &caller, method::CONNECT, message);
            return Err(RpcError::new(ErrorCode::Forbidden, message));
        }
        let caller = Caller { user_id: Some(connect.user_id), ..caller };
        self.core.is_known(self.presence, &caller)?;
        self.core
            .audit()
            .signed_in(action::RPC_CONNECT, (&caller).into(), |event| event.in_project(&caller.project_id));
        Ok(caller)
    }

    /// Whose token it is. One that is wrong is as good as none, and counts as a failed attempt.
    async fn identify(&self, token: Option<String>) -> Result<Caller, RpcError> {
        let nobody = Caller { origin: self.from.clone(), ..self.core.nobody() };
        let token = match token {
            Some(token) if !token.is_empty() && !self.core.is_without_auth() => SecretString::from(token),
            _ => return Ok(nobody),
        };
        match self.core.authenticate(&token, self.from.clone()).await {
            // The core has recorded it.
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(nobody),
            known => Ok(known?),
        }
    }
}

/// The request that a message is. Whatever else it is, is answered, and the connection goes on.
pub(super) fn read<'a>(incoming: &'a Incoming, queue: &Queue) -> Option<Request<'a>> {
    match incoming {
        Incoming::Text(text) => Request::parse(text).inspect_err(|error| queue.response(&error.to_response())).ok(),
        Incoming::Pong => None,
        Incoming::Binary => {
            queue.response(&Response::failure("", invalid("a binary frame is not understood here; send text")));
            None
        }
    }
}
