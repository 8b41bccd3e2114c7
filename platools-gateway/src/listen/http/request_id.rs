//! `RequestContext`: the id of one HTTP request, the address of its client, and its caller once it is authenticated.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

use crate::domain::identity::Caller;
use crate::domain::origin::{Protocol, RequestId, RequestOrigin};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// An HTTP request, among its extensions.
#[derive(Debug, Clone)]
pub(in crate::listen) struct RequestContext(Arc<RequestFacts>);

#[derive(Debug)]
struct RequestFacts {
    id: RequestId,
    address: IpAddr,
    caller: OnceLock<Caller>,
}

impl RequestContext {
    /// The context of a request that has just come in.
    pub(super) fn of(request: &Request) -> Self {
        let id = chosen_id(request.headers()).unwrap_or_else(RequestId::random);
        Self(Arc::new(RequestFacts { id, address: address_of(request.extensions()), caller: OnceLock::new() }))
    }

    pub(in crate::listen) fn id(&self) -> &RequestId {
        &self.0.id
    }

    pub(in crate::listen) fn address(&self) -> IpAddr {
        self.0.address
    }

    /// The origin of the request, over a protocol.
    pub(in crate::listen) fn origin(&self, protocol: Protocol) -> RequestOrigin {
        RequestOrigin::new(protocol, self.0.address, Some(self.0.id.clone()))
    }

    /// Notes the caller of the request.
    pub(in crate::listen) fn note_caller(&self, caller: &Caller) {
        // A request has one caller; a second look finds the same one.
        let _ = self.0.caller.set(caller.clone());
    }

    pub(super) fn caller(&self) -> Option<&Caller> {
        self.0.caller.get()
    }

    /// Adds the id to the headers of the response.
    pub(super) fn answer(&self, response: &mut Response) {
        let value = HeaderValue::from_str(self.0.id.as_str()).expect("an id has plain characters only");
        response.headers_mut().insert(HEADER, value);
    }
}

/// The origin of a request by its extensions, over a protocol.
pub(in crate::listen) fn origin_of(extensions: &Extensions, protocol: Protocol) -> RequestOrigin {
    match extensions.get::<RequestContext>() {
        Some(context) => context.origin(protocol),
        None => RequestOrigin::new(protocol, address_of(extensions), None),
    }
}

/// The id that the client chose. Two of them are none: programs on the way may disagree on which one counts.
fn chosen_id(headers: &HeaderMap) -> Option<RequestId> {
    let mut said = headers.get_all(HEADER).iter();
    match (said.next(), said.next()) {
        (Some(id), None) => RequestId::from_client(id.to_str().ok()?),
        _ => None,
    }
}

/// The client's address, by the extensions of its request.
pub(in crate::listen) fn address_of(extensions: &Extensions) -> IpAddr {
    let remote = extensions.get::<ConnectInfo<SocketAddr>>();
    remote.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(remote)| remote.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(headers: &[&'static str]) -> Option<String> {
        let headers = headers.iter().map(|id| (HEADER, HeaderValue::from_static(id))).collect();
        chosen_id(&headers).map(|id| id.to_string())
    }

    #[test]
    fn one_plain_id_is_taken_over() {
        assert_eq!(id_of(&["abc-1"]).as_deref(), Some("abc-1"));
        for headers in [&[][..], &["a", "a"], &["a b"], &[""]] {
            assert_eq!(id_of(headers), None, "{headers:?}");
        }
    }
}
