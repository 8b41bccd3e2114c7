//! The bearer token of a request: a worker's secret, or a caller's key.

use axum::http::{HeaderMap, header};
use secrecy::SecretString;

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
