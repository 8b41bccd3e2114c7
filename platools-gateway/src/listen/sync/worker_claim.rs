//! [`read`]: reads from a worker's upgrade request which worker it claims to be: its entity, its secret and its environment.
//! `Authenticator` checks the claim.

use axum::http::HeaderMap;
use platools_protocol::tool_sync::{FEATURES_HEADER, Features, INSTANCE_HEADER, WorkerInstance};

use crate::directory::Claim;
use crate::listen::bearer_token;

/// The parts of an URL's query, in order.
pub(super) type WorkerQuery = Vec<(String, String)>;

/// Reads the claim; the URL goes before headers, and the first of what is said twice counts.
pub(super) fn read(query: &WorkerQuery, headers: &HeaderMap) -> Claim {
    let in_url = |name: &'static str| query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str());
    let in_header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // `source` is the older spelling of `entity`.
    let entity = in_url("entity")
        .chain(in_url("source"))
        .chain(in_header("x-platos-entity-id"))
        .chain(in_header("x-platos-source"));
    let environment = in_url("env").chain(in_header("x-platos-environment-id"));
    Claim {
        secret: bearer_token(headers),
        entity: first(entity),
        environment: first(environment),
        features: in_header(FEATURES_HEADER).map_or_else(Features::none, Features::from_header),
        instance: in_header(INSTANCE_HEADER).and_then(WorkerInstance::from_header),
    }
}

/// The first that says something.
fn first<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    names.find(|name| !name.trim().is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn claim(query: &[(&str, &str)]) -> Claim {
        let headers = headers(&[("x-platos-source", "older header"), ("x-platos-entity-id", "header")]);
        read(&query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(), &headers)
    }

    #[test]
    fn the_url_goes_before_headers_and_the_newer_spelling_before_the_older() {
        let entity = |query| claim(query).entity;
        assert_eq!(entity(&[("source", "old"), ("entity", "new")]).as_deref(), Some("new"));
        assert_eq!(entity(&[("entity", ""), ("source", "old")]).as_deref(), Some("old"));
        assert_eq!(entity(&[]).as_deref(), Some("header"));
    }

    #[test]
    fn the_first_of_what_is_said_twice_counts() {
        let claim = claim(&[("env", "a"), ("entity", " "), ("entity", "b"), ("env", "c"), ("entity", "d")]);
        assert_eq!((claim.environment.as_deref(), claim.entity.as_deref()), (Some("a"), Some("b")));
    }
}
