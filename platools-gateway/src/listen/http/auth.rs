//! [`authenticate`]: finds the caller of a request by its bearer token, which is a key or a token of the gateway, or by the session of the
//! browser that sends it.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use secrecy::SecretString;

use super::body::BodyOwner;
use super::{BrowserRequest, RequestContext, origin_of};
use crate::audit::action;
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::origin::Protocol;

/// Authenticates the caller of a request over a protocol. The request counts against the caller's rate.
pub(in crate::listen) async fn authenticate_and_count(
    parts: &mut Parts,
    core: &Core,
    protocol: Protocol,
) -> Result<Caller, Error> {
    let caller = authenticate(parts, core, protocol).await?;
    core.limiter.count_request(&caller, remote(&caller))?;
    parts.extensions.insert(BodyOwner(caller.credential.to_string()));
    Ok(caller)
}

/// Authenticates the caller of a request over a protocol, and counts nothing: calls have a rate of their own.
pub(in crate::listen) async fn authenticate(
    parts: &mut Parts,
    core: &Core,
    protocol: Protocol,
) -> Result<Caller, Error> {
    let origin = origin_of(&parts.extensions, protocol);
    let caller = match (bearer_token(&parts.headers), session_secret(parts, protocol)) {
        (Some(key), _) => core.authenticator.authenticate(&key, origin).await?,
        (None, Some(secret)) => {
            let session = core.browser_sessions.find(&secret, origin).await?;
            let caller = session.caller.clone();
            // For handlers whose response has no end of its own.
            parts.extensions.insert(session);
            caller
        }
        (None, None) => {
            let message = "missing key: send the header `Authorization: Bearer <key>`";
            core.audit.refused_stranger(action::CALLER_AUTHENTICATE, &origin, None, "missing key");
            return Err(Error::new(ErrorKind::Unauthenticated, message));
        }
    };
    if let Some(context) = parts.extensions.get::<RequestContext>() {
        context.note_caller(&caller);
    }
    Ok(caller)
}

/// The secret of the browser's session, over the protocols that the gateway's own pages use.
fn session_secret(parts: &Parts, protocol: Protocol) -> Option<SecretString> {
    let is_of_pages = matches!(protocol, Protocol::Rest | Protocol::Runtime);
    let browser = parts.extensions.get::<BrowserRequest>().filter(|_| is_of_pages);
    browser.and_then(|browser| browser.session.clone())
}

/// The address that a caller's request came from.
pub(in crate::listen) fn remote(caller: &Caller) -> IpAddr {
    caller.origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The token, if there is one; the scheme's case does not matter.
pub(in crate::listen) fn bearer_token(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn only_a_bearer_token_is_one() {
        let token = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            bearer_token(&headers).map(|token| token.expose_secret().to_owned())
        };
        assert_eq!(token("Bearer s").as_deref(), Some("s"));
        assert_eq!(token("bearer  s ").as_deref(), Some("s"));
        for value in ["Basic s", "Bearer", "Bearer ", "s"] {
            assert_eq!(token(value), None, "{value}");
        }
    }
}
