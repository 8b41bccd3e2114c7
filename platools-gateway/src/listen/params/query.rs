//! [`count`]: reads a number in the query of a URL. [`query_error`]: makes the error for a query that cannot be read, with the name of the
//! wrong parameter.

use axum::extract::rejection::QueryRejection;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

use crate::domain::decode::words;

/// Characters of a wrong value that its error repeats.
const SHOWN_CHARS: usize = 40;

/// The beginning of the framework's own text, which says nothing that a caller can act on.
const PREFIX: &str = "Failed to deserialize query string: ";

/// Reads a count of things, such as a limit. A number that is too large to count with is the largest there is.
pub(in crate::listen) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let shown: String = text.chars().take(SHOWN_CHARS).collect();
        return Err(D::Error::custom(format!("must be a whole number from 0 on, and not `{shown}`")));
    }
    Ok(Some(text.parse().unwrap_or(usize::MAX)))
}

/// The reason why a query cannot be read, with the name of the parameter where there is one.
pub(in crate::listen) fn query_error(rejection: &QueryRejection) -> String {
    let text = rejection.body_text();
    let text = text.strip_prefix(PREFIX).unwrap_or(&text);
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match text.split_once(": ").filter(|(name, _)| is_name(name)) {
        Some((name, reason)) if reason.starts_with("must ") => format!("`{name}` {reason}"),
        Some((name, reason)) => words(name, reason),
        None => words("", text),
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::Uri;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Asked {
        #[serde(default, deserialize_with = "count")]
        limit: Option<usize>,
        is_public: Option<bool>,
    }

    fn read(query: &str) -> Result<Asked, String> {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        Query::<Asked>::try_from_uri(&uri).map(|Query(asked)| asked).map_err(|rejection| query_error(&rejection))
    }

    #[test]
    fn a_count_is_a_whole_number_of_any_size() {
        for (query, limit) in [
            ("", None),
            ("limit=0", Some(0)),
            ("limit=007", Some(7)),
            ("limit=99999999999999999999999999", Some(usize::MAX)),
        ] {
            let asked = read(query).unwrap();
            assert_eq!((asked.limit, asked.is_public), (limit, None), "{query}");
        }
    }

    #[test]
    fn a_bad_value_is_named_with_its_parameter() {
        for (query, error) in [
            ("limit=-1", "`limit` must be a whole number from 0 on, and not `-1`".to_owned()),
            ("limit=", "`limit` must be a whole number from 0 on, and not ``".to_owned()),
            ("limit=1.5", "`limit` must be a whole number from 0 on, and not `1.5`".to_owned()),
            ("limit=%2B1", "`limit` must be a whole number from 0 on, and not `+1`".to_owned()),
            ("limit=ten", "`limit` must be a whole number from 0 on, and not `ten`".to_owned()),
            (
                &format!("limit={}", "x".repeat(1000)),
                format!("`limit` must be a whole number from 0 on, and not `{}`", "x".repeat(40)),
            ),
        ] {
            assert_eq!(read(query).unwrap_err(), error);
        }
        assert_eq!(read("isPublic=maybe").unwrap_err(), "`isPublic` must be `true` or `false`");
        let unknown = "there is no member `page`; the members are `limit` or `isPublic`";
        assert_eq!(read("page=2").unwrap_err(), unknown);
    }
}
