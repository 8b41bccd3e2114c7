//! [`ConnectHandshake`]: handles the first requests of a connection, until a `connect` authenticates the caller.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use platools_protocol::rpc::{
    Connect, Connected, ErrorCode, MAX_USER_ID_CHARS, Request, Response, Role, RpcError, method,
};
use secrecy::SecretString;
use serde_json::value::to_raw_value;
use tokio::time::timeout;

use super::AnonymousAccess;
use super::errors::invalid;
use super::queue::Queue;
use super::token_status::TokenStatus;
use crate::audit::action;
use crate::authority::speaking_for;
use crate::connections::CallerConnection;
use crate::core::Core;
use crate::domain::decode::decode;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::origin::RequestOrigin;
use crate::listen::ws::Incoming;

/// The longest time for the authentication of a caller.
const AUTHENTICATION: Duration = Duration::from_secs(10);

/// A client that has not authenticated yet.
pub(super) struct ConnectHandshake<'a> {
    pub(super) core: &'a Core,
    pub(super) queue: &'a Queue,
    pub(super) presence: CallerConnection,
    pub(super) from: RequestOrigin,
    /// The secret of the browser's session, which a `connect` without a token uses.
    pub(super) session: Option<SecretString>,
    pub(super) anonymous: AnonymousAccess,
}

impl ConnectHandshake<'_> {
    /// Answers one message. A `connect` that is accepted makes a caller of the connection.
    pub(super) async fn receive(&self, incoming: &Incoming) -> Option<(Caller, TokenStatus)> {
        let request = read(incoming, self.queue)?;
        let connected = match &*request.method {
            method::CONNECT => self.connect(&request).await,
            _ => Err(self.too_early()),
        };
        match connected {
            Ok((caller, token, user_id)) => {
                let role = Role::from(caller.role.as_str());
                let reply = Connected::new(role, &user_id);
                let reply = token.warning().into_iter().fold(reply, Connected::with_warning);
                let payload = to_raw_value(&reply).expect("strings and numbers always serialize");
                self.queue.response(&Response::success(request.id, &payload));
                Some((caller, token))
            }
            Err(error) => {
                self.queue.response(&Response::failure(request.id, error));
                None
            }
        }
    }

    /// The address that it connected from.
    pub(super) fn address(&self) -> IpAddr {
        self.from.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// The refusal of any other request.
    fn too_early(&self) -> RpcError {
        match self.core.limiter.count_request_from(self.address()) {
            Ok(()) => RpcError::new(ErrorCode::Unauthorized, "the first request must be `connect`"),
            Err(error) => error.into(),
        }
    }

    /// The caller, the standing of its token, and the `user_id` it named, which the reply repeats also where the caller may not speak for that user.
    async fn connect(&self, request: &Request<'_>) -> Result<(Caller, TokenStatus, String), RpcError> {
        let connect = params_of(request)?;
        let too_late = |_| RpcError::new(ErrorCode::Unavailable, "the token could not be checked in time; try again");
        let token = connect.token.filter(|token| !token.is_empty()).map(SecretString::from);
        let session = match &self.session {
            Some(secret) if token.is_none() => Some(self.core.browser_sessions.find(secret, self.from.clone()).await?),
            _ => None,
        };
        let authenticated = match &session {
            Some(session) => Ok((session.caller.clone(), TokenStatus::Accepted)),
            None => timeout(AUTHENTICATION, self.authenticate(token)).await.map_err(too_late)?,
        };
        let (caller, token) = authenticated?;
        let caller = self.speaking_for(caller, &connect.user_id)?;
        self.core.callers.identify(&self.presence, &caller)?;
        session.iter().try_for_each(|session| self.core.browser_sessions.attach(&self.presence, session))?;
        let audit = &self.core.audit;
        audit.signed_in(action::RPC_CONNECT, (&caller).into(), |event| event.in_project(&caller.project_id));
        Ok((caller, token, connect.user_id))
    }

    /// The caller, speaking for the user that it names if it may.
    fn speaking_for(&self, caller: Caller, user: &str) -> Result<Caller, Error> {
        speaking_for(caller.clone(), user).map_err(|denial| {
            let error = Error::from(denial);
            self.core.audit.refused(action::RPC_CONNECT, &caller, method::CONNECT, &error.to_string());
            error
        })
    }

    /// The caller with a token. A wrong token is as good as none, and counts as a failed attempt.
    async fn authenticate(&self, token: Option<SecretString>) -> Result<(Caller, TokenStatus), RpcError> {
        if self.core.authenticator.is_without_auth() {
            return Ok((self.caller_without_auth(token).await, TokenStatus::Accepted));
        }
        let Some(token) = token else {
            return Ok((self.anonymous_caller(TokenStatus::Missing)?, TokenStatus::Missing));
        };
        match self.core.authenticator.authenticate(&token, self.from.clone()).await {
            // The core has recorded it.
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                Ok((self.anonymous_caller(TokenStatus::Unknown)?, TokenStatus::Unknown))
            }
            known => Ok((known?, TokenStatus::Accepted)),
        }
    }

    /// The caller of a gateway without authentication: the admin with an admin's key or token, an operator with anything else.
    async fn caller_without_auth(&self, token: Option<SecretString>) -> Caller {
        let admin = match token {
            Some(token) => self.core.authenticator.admin_with(&token, self.from.clone()).await,
            None => None,
        };
        admin.unwrap_or_else(|| Caller { origin: self.from.clone(), ..self.core.authenticator.anonymous() })
    }

    /// A caller without a valid token, where the gateway admits any.
    fn anonymous_caller(&self, token: TokenStatus) -> Result<Caller, RpcError> {
        if self.anonymous == AnonymousAccess::None {
            let reason = match token {
                TokenStatus::Unknown => "; this token is not known to it (mistyped, revoked or expired)",
                TokenStatus::Missing | TokenStatus::Accepted => "",
            };
            let message = format!(
                "this gateway admits nobody without a valid key or token; `connect` with one as `token`{reason}"
            );
            return Err(RpcError::new(ErrorCode::Unauthorized, message));
        }
        Ok(Caller { origin: self.from.clone(), ..self.core.authenticator.anonymous() })
    }
}

/// The params of a `connect`.
fn params_of(request: &Request<'_>) -> Result<Connect, RpcError> {
    let user_id = || invalid(format!("`user_id` is required: text of 1 to {MAX_USER_ID_CHARS} characters"));
    let connect = decode(request.params.get()).map_err(|mistake| match mistake.contains("`user_id`") {
        true => user_id(),
        false => invalid(format!("`connect`: {mistake}")),
    });
    Some(connect?).filter(Connect::has_valid_user_id).ok_or_else(user_id)
}

/// Reads a message as a request. Any other message is answered, and the connection goes on.
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
