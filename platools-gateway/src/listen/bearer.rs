//! The bearer token of a request: a worker's secret, or a caller's key; and whose that is.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts as _};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use secrecy::SecretString;

use crate::core::Core;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::Caller;
use crate::listen::Sender;

/// Whose request it is, which counts among the requests of the caller.
pub(super) async fn caller_of(parts: &mut Parts, core: &Core) -> Result<Caller, Error> {
    let caller = identified(parts, core).await?;
    core.limiter().request(&caller, remote(parts).await)?;
    parts.extensions.insert(Sender(caller.credential.to_string()));
    Ok(caller)
}

/// Whose request it is, for calls, which have a rate of their own.
pub(super) async fn identified(parts: &mut Parts, core: &Core) -> Result<Caller, Error> {
    let key = bearer_token(&parts.headers).ok_or_else(|| {
        let message = "missing key: send the header `Authorization: Bearer <key>`";
        Error::new(ErrorKind::Unauthenticated, message)
    })?;
    core.authenticate(&key, remote(parts).await).await
}

/// The address that a request came from.
pub(super) async fn remote(parts: &mut Parts) -> IpAddr {
    let ConnectInfo(remote) = ConnectInfo::<SocketAddr>::from_request_parts(parts, &())
        .await
        .expect("the server says where every request comes from");
    remote.ip()
}

/// The token, if there is one; the scheme's case does not matter.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<SecretString> {
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
