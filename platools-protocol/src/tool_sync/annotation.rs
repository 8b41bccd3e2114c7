//! The names of the annotations that a platform acts on: `strictArguments`, `timeoutMs`, `maxConcurrency` and `exposeErrors`. Functions
//! read their values from a tool's declaration.

use std::time::Duration;

use serde_json::{Map, Value};

/// The annotation of tools that take only arguments that fit the schema as they are: `true`.
pub const STRICT_ARGUMENTS: &str = "strictArguments";

/// The annotation of a tool's own timeout, in whole milliseconds: the longest time that its function takes. Platforms let callers that
/// name no timeout wait as long.
pub const TIMEOUT_MS: &str = "timeoutMs";

/// The annotation of the number of calls that a tool runs at once. Further calls wait in a queue of the tool, and that wait does not
/// count towards its timeout.
pub const MAX_CONCURRENCY: &str = "maxConcurrency";

/// The annotation of tools whose callers get the causes of an error, which are the `traceback` of a failure: `true`.
pub const EXPOSE_ERRORS: &str = "exposeErrors";

/// Returns true if the tool takes only arguments that fit the schema as they are.
#[must_use]
pub fn has_strict_arguments(annotations: &Map<String, Value>) -> bool {
    annotations.get(STRICT_ARGUMENTS).and_then(Value::as_bool).unwrap_or_default()
}

/// Returns the timeout that annotations declare; `None` where there is none, or none that is a positive number of milliseconds.
///
/// ```
/// use std::time::Duration;
/// use platools_protocol::tool_sync::annotation::declared_timeout;
/// use serde_json::json;
///
/// let annotations = json!({ "timeoutMs": 300_000 });
/// assert_eq!(declared_timeout(annotations.as_object().unwrap()), Some(Duration::from_secs(300)));
/// ```
#[must_use]
pub fn declared_timeout(annotations: &Map<String, Value>) -> Option<Duration> {
    let ms = annotations.get(TIMEOUT_MS)?.as_f64().filter(|ms| *ms > 0.0)?;
    Duration::try_from_secs_f64(ms / 1000.0).ok()
}

/// Returns true if the tool's callers get the causes of an error.
#[must_use]
pub fn has_exposed_errors(annotations: &Map<String, Value>) -> bool {
    annotations.get(EXPOSE_ERRORS).and_then(Value::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_declared_timeout_is_a_positive_number() {
        let declared = |value: Value| declared_timeout(json!({ TIMEOUT_MS: value }).as_object().expect("an object"));
        assert_eq!(declared(json!(0.5)), Some(Duration::from_micros(500)));
        for none in [json!(0), json!(-1), json!(1e300), json!("5s"), json!(null), json!(true)] {
            assert_eq!(declared(none.clone()), None, "{none}");
        }
    }
}
