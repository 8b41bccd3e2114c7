//! A connected caller, with its requests and runs.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_protocol::rpc::{ErrorCode, Request, Response, RpcError, method};
use tokio::sync::broadcast;

use super::connect::read;
use super::errors::{busy, invalid};
use super::methods::{self, Method, Params};
use super::queue::Queue;
use super::runs::Runs;
use super::standing::TokenStanding;
use crate::audit::action;
use crate::authority::{Action, Resource, authorize};
use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::limits::HeldBytes;
use crate::listen::ws::{Incoming, TooLarge};
use crate::ops::log_feed::LogLine;

/// The lines of the log that a caller reads along; none if it does not.
pub(super) type Tail = Option<broadcast::Receiver<LogLine>>;

/// A connected caller.
pub(super) struct Session<'a> {
    pub(super) core: &'a Core,
    pub(super) caller: Caller,
    from: IpAddr,
    /// True if the caller may see tools and agents.
    pub(super) has_catalogue: bool,
    /// The standing of the token that the caller connected with.
    pub(super) token: TokenStanding,
    /// Takes the role viewer for enough to use `chat.history`.
    pub(super) viewers_read_history: bool,
    pub(super) queue: &'a Queue,
    pub(super) runs: Runs,
    /// The ids of the requests that are under way.
    ids: Mutex<HashSet<String>>,
    max_requests: usize,
    /// The log that the caller follows from now on, until the task that forwards it takes it.
    new_tail: Mutex<Option<Tail>>,
}

impl<'a> Session<'a> {
    /// A session of a caller at an address, which sees everything that its role allows.
    pub(super) fn new(core: &'a Core, (caller, from): (Caller, IpAddr), queue: &'a Queue, max_requests: usize) -> Self {
        let (ids, runs, new_tail) = (Mutex::default(), Runs::default(), Mutex::default());
        Self {
            core,
            caller,
            from,
            has_catalogue: true,
            token: TokenStanding::Accepted,
            viewers_read_history: false,
            queue,
            runs,
            ids,
            max_requests,
            new_tail,
        }
    }

    /// Begins what a message asks for. What is refused is answered at once.
    pub(super) fn begin(&self, incoming: &Incoming, is_finishing: bool) -> Option<BoxFuture<'_, ()>> {
        let request = read(incoming, self.queue)?;
        match self.admit(&request, is_finishing) {
            Ok((method, held)) => {
                let (id, params) = (request.id.into_owned(), Params::new(method.name, request.params));
                Some(self.run(id, method, params, held).boxed())
            }
            Err(error) => {
                self.queue.response(&Response::failure(request.id, error));
                None
            }
        }
    }

    /// Answers a message that was dropped because it is too large.
    pub(super) fn refuse_large(&self, too_large: TooLarge, head: &str) {
        let error = match self.core.limiter.request(&self.caller, self.from) {
            Ok(()) => invalid(too_large.to_string()),
            Err(error) => error.into(),
        };
        self.queue.response(&Response::failure(Request::id_in_head(head).unwrap_or_default(), error));
    }

    fn admit(&self, request: &Request<'_>, is_finishing: bool) -> Result<(&'static Method, HeldBytes), RpcError> {
        if request.method == method::CONNECT {
            return Err(invalid("this connection has had its `connect`; open another one to be somebody else"));
        }
        if !matches!(&*request.method, method::TOOLS_CALL | method::CHAT_SEND) {
            // Calls and chats have rates of their own.
            self.core.limiter.request(&self.caller, self.from)?;
        }
        let method = methods::find(&request.method)?;
        let wanted = self.action_of(method);
        if let Err(denial) = authorize(&self.caller, wanted, Resource::Project(&self.caller.project_id)) {
            let refusal = self.token.refusal(method.name, wanted.role(), &self.caller).unwrap_or_else(|| {
                RpcError::new(ErrorCode::Forbidden, format!("`{}`: {}", method.name, Error::from(denial)))
            });
            self.core.audit.refused(action::CALLER_AUTHORIZE, &self.caller, method.name, &refusal.message);
            return Err(refusal);
        }
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
        let mut held = self.core.limiter.body_of(self.caller.credential.to_string());
        held.add(request.params.get().len()).map_err(busy)?;
        ids.insert(request.id.clone().into_owned());
        Ok((method, held))
    }

    /// The kind of thing that a method does, which takes a role.
    fn action_of(&self, method: &Method) -> Action {
        if method.name == "chat.history" && self.viewers_read_history { Action::View } else { method.action }
    }

    /// Answers a request, whose bytes count against the gateway's budget meanwhile.
    async fn run(&self, id: String, method: &'static Method, params: Params, _held: HeldBytes) {
        let outcome = (method.handle)(self, params).await;
        // Free again before the caller can know that it is.
        self.ids().remove(&id);
        match outcome {
            Ok(payload) => self.queue.response(&Response::success(id, &payload)),
            Err(error) => {
                if error.code == ErrorCode::Forbidden {
                    self.core.audit.refused(action::CALLER_AUTHORIZE, &self.caller, method.name, &error.message);
                }
                self.queue.response(&Response::failure(id, error));
            }
        }
    }

    /// Has the caller read along from now on, or not any more.
    pub(super) fn set_tail(&self, tail: Tail) {
        *self.new_tail() = Some(tail);
    }

    /// Takes the log that the caller follows, if that changed.
    pub(super) fn take_new_tail(&self) -> Option<Tail> {
        self.new_tail().take()
    }

    fn new_tail(&self) -> MutexGuard<'_, Option<Tail>> {
        self.new_tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
