//! [`CallTimeout`]: the time limit of a call: the one that the caller sends, or else the one of the tool with a little more for the
//! answer's way.

use std::time::Duration;

use platools_protocol::tool_sync::ToolDeclaration;
use platools_protocol::tool_sync::annotation::{MAX_CONCURRENCY, TIMEOUT_MS, declared_timeout};
use serde_json::{Map, Value};

/// The setting of the longest time that a call may take.
const MAX_TIMEOUT: &str = "calls.max_timeout";

/// The time between the timeout that a tool declares and the end of a call whose caller named none. The worker ends its function first, so
/// that the caller gets the tool's own error.
const GRACE: Duration = Duration::from_secs(2);

/// Names of tools that a warning lists.
const MANY_NAMES: usize = 20;

/// The time that a caller gives a call: its own, or else that of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTimeout {
    asked: Option<Duration>,
    otherwise: Duration,
    maximum: Option<Maximum>,
}

/// The longest time that a call may take, and the name of the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Maximum {
    limit: Duration,
    setting: &'static str,
}

/// The end of a call's time, and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeLimit {
    duration: Duration,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The caller named it.
    Caller,
    /// The tool declares this timeout.
    Tool(Duration),
    /// Neither of them says anything.
    Neither,
    /// A setting of the gateway.
    Setting(&'static str),
}

impl CallTimeout {
    /// A time that the caller names, whatever the tool declares.
    #[must_use]
    pub const fn asked(timeout: Duration) -> Self {
        Self { asked: Some(timeout), otherwise: timeout, maximum: None }
    }

    /// The timeout that the tool declares, or another time if it declares none.
    #[must_use]
    pub const fn declared_or(otherwise: Duration) -> Self {
        Self { asked: None, otherwise, maximum: None }
    }

    /// The same with a maximum of its own, in place of [`CallSettings::max_timeout`](super::CallSettings::max_timeout). `setting` is its name.
    #[must_use]
    pub const fn at_most(self, limit: Duration, setting: &'static str) -> Self {
        Self { maximum: Some(Maximum { limit, setting }), ..self }
    }

    /// The time of a call of a tool with these annotations.
    pub(crate) fn resolve(&self, annotations: &Map<String, Value>, max_timeout: Duration) -> TimeLimit {
        let maximum = self.maximum.unwrap_or(Maximum { limit: max_timeout, setting: MAX_TIMEOUT });
        let limit = match (self.asked, declared_timeout(annotations)) {
            (Some(duration), _) => TimeLimit { duration, reason: Reason::Caller },
            (None, Some(timeout)) if timeout <= maximum.limit => return self.resolve_declared(timeout, annotations),
            (None, Some(duration)) => TimeLimit { duration, reason: Reason::Tool(duration) },
            (None, None) => TimeLimit { duration: self.otherwise, reason: Reason::Neither },
        };
        match limit.duration > maximum.limit || (self.asked.is_none() && limit.duration == maximum.limit) {
            true => TimeLimit { duration: maximum.limit, reason: Reason::Setting(maximum.setting) },
            false => limit,
        }
    }

    /// The time of a call whose tool declares a timeout. In a tool's queue it may wait longer than its function may take then.
    fn resolve_declared(&self, timeout: Duration, annotations: &Map<String, Value>) -> TimeLimit {
        let declared = TimeLimit { duration: timeout.saturating_add(GRACE), reason: Reason::Tool(timeout) };
        let has_queue = annotations.contains_key(MAX_CONCURRENCY);
        match has_queue && declared.duration < self.otherwise {
            true => TimeLimit { duration: self.otherwise, reason: Reason::Neither },
            false => declared,
        }
    }
}

/// A time that the caller names.
impl From<Duration> for CallTimeout {
    fn from(timeout: Duration) -> Self {
        Self::asked(timeout)
    }
}

impl TimeLimit {
    /// The time from the call's begin to its end.
    pub(crate) fn duration(&self) -> Duration {
        self.duration
    }

    /// The message for a call whose time is over.
    pub(crate) fn message(&self) -> String {
        let duration = self.duration;
        match self.reason {
            Reason::Caller => format!("the tool did not answer within {duration:?}, the timeout that its caller named"),
            Reason::Tool(timeout) => {
                format!("the tool did not answer within {timeout:?}, the timeout that it declares, nor soon after")
            }
            Reason::Neither => format!(
                "the tool did not answer within {duration:?}, the timeout of calls for which neither caller nor tool names one; \
                 name a longer timeout, or declare one for the tool"
            ),
            Reason::Setting(setting) => {
                format!(
                    "the tool did not answer within {duration:?}, the longest timeout that the gateway allows (`{setting}`)"
                )
            }
        }
    }
}

/// Logs which tools declare timeouts that calls cannot have.
pub(crate) fn warn_of_timeouts(tools: &[ToolDeclaration], max_timeout: Duration) {
    let (mut long, mut unreadable) = (Vec::new(), Vec::new());
    for tool in tools {
        match declared_timeout(&tool.annotations) {
            Some(timeout) if timeout > max_timeout => long.push(tool.name.as_str()),
            None if tool.annotations.contains_key(TIMEOUT_MS) => unreadable.push(tool.name.as_str()),
            _ => {}
        }
    }
    if !long.is_empty() {
        tracing::warn!(
            tools = names(&long),
            max_timeout_ms = u64::try_from(max_timeout.as_millis()).unwrap_or(u64::MAX),
            "timeouts of tools shortened to the longest that calls may have; raise `{MAX_TIMEOUT}` if the tools need more"
        );
    }
    if !unreadable.is_empty() {
        let tools = names(&unreadable);
        tracing::warn!(tools, "timeouts of tools ignored: `{TIMEOUT_MS}` is no positive number of milliseconds");
    }
}

fn names(tools: &[&str]) -> String {
    let more = tools.len().saturating_sub(MANY_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", tools[..tools.len().min(MANY_NAMES)].join(", "))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MAXIMUM: Duration = Duration::from_secs(600);
    const OTHERWISE: CallTimeout = CallTimeout::declared_or(Duration::from_secs(30));

    /// The time of a call in seconds, and the words for its end.
    fn limit(timeout: CallTimeout, annotations: Value) -> (u64, String) {
        let limit = timeout.resolve(annotations.as_object().expect("an object"), MAXIMUM);
        (limit.duration().as_secs(), limit.message())
    }

    #[track_caller]
    fn assert_limit(timeout: CallTimeout, annotations: Value, duration: u64, words: &str) {
        let (seconds, error) = limit(timeout, annotations);
        assert!(seconds == duration && error.contains(words), "{seconds}: {error}");
    }

    #[test]
    fn a_caller_that_names_no_time_waits_as_long_as_the_tool_may_take() {
        assert_limit(OTHERWISE, json!({}), 30, "within 30s, the timeout of calls for which neither");
        assert_limit(OTHERWISE, json!({"timeoutMs": 300_000}), 302, "within 300s, the timeout that it declares");
        assert_limit(OTHERWISE, json!({"timeoutMs": 5_000.0}), 7, "within 5s, the timeout that it declares");
        assert_limit(OTHERWISE, json!({"timeoutMs": "5m"}), 30, "neither caller nor tool");
        assert_limit(OTHERWISE, json!({"timeoutMs": 600_000}), 602, "within 600s, the timeout that it declares");
    }

    #[test]
    fn a_time_that_the_caller_names_wins() {
        assert_limit(
            CallTimeout::from(SECOND),
            json!({"timeoutMs": 300_000}),
            1,
            "within 1s, the timeout that its caller",
        );
        assert_limit(CallTimeout::from(SECOND * 60), json!({"timeoutMs": 1}), 60, "its caller");
        assert_limit(CallTimeout::from(MAXIMUM), json!({}), 600, "its caller");
        assert_limit(CallTimeout::from(SECOND * 601), json!({}), 600, "`calls.max_timeout`");
    }

    #[test]
    fn a_longer_time_than_the_maximum_is_cut() {
        assert_limit(
            OTHERWISE,
            json!({"timeoutMs": 600_001}),
            600,
            "within 600s, the longest timeout that the gateway",
        );
        assert_limit(OTHERWISE, json!({"timeoutMs": 1e15}), 600, "`calls.max_timeout`");
        let mcp = CallTimeout::declared_or(SECOND * 60).at_most(SECOND * 60, "mcp.call_limit");
        assert_limit(mcp, json!({"timeoutMs": 300_000}), 60, "`mcp.call_limit`");
        assert_limit(mcp, json!({}), 60, "`mcp.call_limit`");
        assert_limit(mcp, json!({"timeoutMs": 5_000}), 7, "it declares");
        let long = CallTimeout::declared_or(SECOND * 3600).at_most(SECOND * 3600, "mcp.call_limit");
        assert_limit(long, json!({"timeoutMs": 1_200_000}), 1202, "it declares");
    }

    #[test]
    fn the_wait_in_a_tools_queue_is_no_part_of_its_timeout() {
        let queued = json!({"timeoutMs": 5_000, "maxConcurrency": 1});
        assert_limit(OTHERWISE, queued, 30, "neither caller nor tool");
        assert_limit(OTHERWISE, json!({"timeoutMs": 60_000, "maxConcurrency": 1}), 62, "it declares");
    }

    #[test]
    fn tools_with_timeouts_that_calls_cannot_have_are_named_in_a_warning() {
        let tool = |name: &str, timeout_ms: Value| {
            let mut tool = ToolDeclaration::new(name, "", json!({"type": "object"}));
            tool.annotations.insert(TIMEOUT_MS.to_owned(), timeout_ms);
            tool
        };
        let tools = [
            tool("slow", json!(600_001)),
            tool("odd", json!("5m")),
            tool("quick", json!(600_000)),
            tool("never", json!(1e300)),
        ];
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || warn_of_timeouts(&tools, MAXIMUM));
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = log.lines().collect();
        assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("WARN")), "{log}");
        assert!(lines[0].contains("raise `calls.max_timeout`") && lines[0].contains(r#"tools="slow""#), "{log}");
        assert!(lines[1].contains(r#"tools="odd, never""#), "{log}");
        assert_eq!(names(&["a", "b"]), "a, b");
        assert!(names(&["t"; 25]).ends_with("t, t and 5 more"));
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
