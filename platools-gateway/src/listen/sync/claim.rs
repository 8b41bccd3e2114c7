//! What a worker's upgrade request says about the worker.

use axum::http::{HeaderMap, header};
use secrecy::SecretString;
use serde::Deserialize;

use crate::core::directory::Claim;

/// The names a worker may give in the URL.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Names {
    entity: Option<String>,
    /// The older spelling of `entity`.
    source: Option<String>,
    env: Option<String>,
}

/// Reads the claim; the URL goes before headers.
pub(super) fn read(names: Names, headers: &HeaderMap) -> Claim {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let entity = [names.entity, names.source, header("x-platos-entity-id"), header("x-platos-source")];
    let environment = [names.env, header("x-platos-environment-id")];
    Claim { secret: bearer(headers), entity: first(entity), environment: first(environment) }
}

/// The first that says something.
fn first(names: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    names.into_iter().flatten().find(|name| !name.trim().is_empty())
}

/// The bearer token; the scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_url_goes_before_headers_and_the_newer_spelling_before_the_older() {
        let headers = headers(&[("x-platos-entity-id", "header"), ("x-platos-source", "older header")]);
        let names = |entity: Option<&str>, source: Option<&str>| Names {
            entity: entity.map(str::to_owned),
            source: source.map(str::to_owned),
            env: None,
        };
        let entity = |names| read(names, &headers).entity;
        assert_eq!(entity(names(Some("new"), Some("old"))).as_deref(), Some("new"));
        assert_eq!(entity(names(Some(""), Some("old"))).as_deref(), Some("old"));
        assert_eq!(entity(names(None, None)).as_deref(), Some("header"));
    }

    #[test]
    fn only_a_bearer_token_is_a_secret() {
        let secret =
            |value| bearer(&headers(&[("authorization", value)])).map(|secret| secret.expose_secret().to_owned());
        assert_eq!(secret("Bearer s").as_deref(), Some("s"));
        assert_eq!(secret("bearer  s ").as_deref(), Some("s"));
        for value in ["Basic s", "Bearer", "Bearer ", "s"] {
            assert_eq!(secret(value), None, "{value}");
        }
    }
}
