//! [`Requests`]: admits the requests of a connected caller, runs their methods, and answers them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_protocol::rpc::{ErrorCode, Request, Response, RpcError, method};

use super::connect::read;
use super::errors::{busy, invalid};
use super::method_context::MethodContext;
use super::methods::{self, Method};
use super::params::Params;
use super::token_status::TokenStatus;
use crate::audit::action;
use crate::authority::{Action, Resource, authorize};
use crate::domain::error::Error;
use crate::domain::lock::lock;
use crate::limits::HeldBytes;
use crate::listen::ws::{Incoming, MessageTooLarge};

/// The requests of a connected caller, which run side by side.
pub(super) struct Requests<'a> {
    pub(super) context: MethodContext<'a>,
    /// The address that the caller connected from.
    pub(super) from: IpAddr,
    /// The standing of the token that the caller connected with.
    pub(super) token: TokenStatus,
    /// True if the role viewer is enough for `chat.history`.
    pub(super) viewers_read_history: bool,
    /// The most requests under way.
    pub(super) max_requests: usize,
    /// The ids of the requests that are under way.
    pub(super) ids: Mutex<HashSet<String>>,
}

impl Requests<'_> {
    /// Begins the request of a message. A refused request is answered at once.
    pub(super) fn begin(&self, incoming: &Incoming, is_finishing: bool) -> Option<BoxFuture<'_, ()>> {
        let request = read(incoming, self.context.queue)?;
        match self.admit(&request, is_finishing) {
            Ok((method, held)) => {
                let (id, params) = (request.id.into_owned(), Params::new(method.name, request.params));
                Some(self.run(id, method, params, held).boxed())
            }
            Err(error) => {
                self.context.queue.response(&Response::failure(request.id, error));
                None
            }
        }
    }

    /// Answers a message that was dropped because it is too large.
    pub(super) fn refuse_large(&self, too_large: MessageTooLarge, head: &str) {
        let MethodContext { core, caller, queue, .. } = &self.context;
        let error = match core.limiter.count_request(caller, self.from) {
            Ok(()) => invalid(too_large.to_string()),
            Err(error) => error.into(),
        };
        queue.response(&Response::failure(Request::id_in_head(head).unwrap_or_default(), error));
    }

    fn admit(&self, request: &Request<'_>, is_finishing: bool) -> Result<(&'static Method, HeldBytes), RpcError> {
        let MethodContext { core, caller, .. } = &self.context;
        if request.method == method::CONNECT {
            return Err(invalid("this connection has had its `connect`; open another one to be somebody else"));
        }
        if !matches!(&*request.method, method::TOOLS_CALL | method::CHAT_SEND) {
            // Calls and chats have rates of their own.
            core.limiter.count_request(caller, self.from)?;
        }
        let method = methods::find(&request.method)?;
        self.authorize(method)?;
        if is_finishing {
            return Err(RpcError::new(ErrorCode::Unavailable, "the gateway is stopping; connect again and try again"));
        }
        let mut ids = self.ids();
        if ids.contains(&*request.id) {
            return Err(invalid("a request of this `id` is under way; take another one"));
        }
        if ids.len() >= self.max_requests {
            let message = format!("{} requests of this connection are under way; wait for one of them", ids.len());
            return Err(RpcError::new(ErrorCode::ResourceExhausted, message));
        }
        let mut held = core.limiter.body_of(caller.credential.to_string());
        held.add(request.params.get().len()).map_err(busy)?;
        ids.insert(request.id.clone().into_owned());
        Ok((method, held))
    }

    /// Checks the caller's role, and records a refusal.
    fn authorize(&self, method: &Method) -> Result<(), RpcError> {
        let MethodContext { core, caller, .. } = &self.context;
        let is_history = method.name == "chat.history" && self.viewers_read_history;
        let wanted = if is_history { Action::View } else { method.action };
        authorize(caller, wanted, Resource::Project(&caller.project_id)).map_err(|denial| {
            let refusal = self.token.refusal(method.name, wanted.role(), caller).unwrap_or_else(|| {
                RpcError::new(ErrorCode::Forbidden, format!("`{}`: {}", method.name, Error::from(denial)))
            });
            core.audit.refused(action::CALLER_AUTHORIZE, caller, method.name, &refusal.message);
            refusal
        })
    }

    /// Answers a request, whose bytes count against the gateway's budget meanwhile.
    async fn run(&self, id: String, method: &'static Method, params: Params, _held: HeldBytes) {
        let MethodContext { core, caller, queue, .. } = &self.context;
        let outcome = (method.handle)(&self.context, params).await;
        // Free again before the caller can know that it is.
        self.ids().remove(&id);
        match outcome {
            Ok(payload) => queue.response(&Response::success(id, &payload)),
            Err(error) => {
                if error.code == ErrorCode::Forbidden {
                    core.audit.refused(action::CALLER_AUTHORIZE, caller, method.name, &error.message);
                }
                queue.response(&Response::failure(id, error));
            }
        }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        lock(&self.ids)
    }
}
