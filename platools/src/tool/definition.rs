//! [`ToolDefinition`]: declares a tool: its name, description and schemas for callers, and its timeout and other limits.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::content::{Content, structured_schema};
use platools_protocol::tool_sync::annotation::{EXPOSE_ERRORS, MAX_CONCURRENCY, STRICT_ARGUMENTS, TIMEOUT_MS};

/// The longest name every model provider and client accepts: 64 characters.
pub const MAX_NAME_CHARS: usize = 64;

/// The largest number of milliseconds in [`TIMEOUT_MS`]: the largest whole number that every reader of JSON keeps.
const MAX_TIMEOUT_MS: u64 = (1 << 53) - 1;

/// A tool as its registry, its platform and its callers know it.
///
/// The first part travels in a registration. The worker enforces the limits; platforms learn of the timeout, the concurrency and the
/// exposed errors by [annotations](Self::declared_annotations).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolDefinition {
    /// Unique in its registry: a letter or `_`, then letters, digits, `_` and `-`, at most [`MAX_NAME_CHARS`].
    pub name: String,
    /// A description for the model that chooses the tool.
    pub description: String,
    /// JSON Schema (draft 2020-12) of the arguments: an object at the root.
    pub input_schema: Value,
    /// JSON Schema of the result; `None` where none is declared.
    pub output_schema: Option<Value>,
    /// The callers that may call the tool.
    pub auth: Auth,
    /// The caller needs one of these roles, if any are listed.
    pub roles: Vec<String>,
    /// Free: hints such as `readOnlyHint`, and `category`.
    pub annotations: Map<String, Value>,
    /// The place where the handler runs. Default: a task of its own.
    pub execution: Execution,
    /// The longest time of the handler, counted from its start; `None` leaves it to the worker's default.
    pub timeout: Option<Duration>,
    /// The number of calls of this tool that run at once; further ones wait in a queue of the tool, first in, first out, and hold up no
    /// other tool. `None`: as many as the worker allows.
    pub max_concurrency: Option<NonZeroU32>,
    /// The number of calls that may start in a span of time; further ones fail as [`rate_limited`](super::code::RATE_LIMITED).
    pub rate_limit: Option<Rate>,
    /// True if callers get the chain of causes of a failure and the text of a panic, and the platform its stack or place. Default: false.
    pub expose_errors: bool,
    /// A mistake of the author of a typed tool about its arguments.
    pub(crate) mistake: Option<String>,
}

impl ToolDefinition {
    /// A tool that anyone may call, without limits of its own.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>, input_schema: Value) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            input_schema,
            output_schema: None,
            auth: Auth::None,
            roles: Vec::new(),
            annotations: Map::new(),
            execution: Execution::Task,
            timeout: None,
            max_concurrency: None,
            rate_limit: None,
            expose_errors: false,
            mistake: None,
        }
    }

    /// Takes only arguments that fit the schema as they are: no `"42"` for a number. Platforms learn of it by the annotation
    /// [`STRICT_ARGUMENTS`].
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.annotations.insert(STRICT_ARGUMENTS.to_owned(), true.into());
        self
    }

    /// The annotations of a registration: the tool's own, and [`TIMEOUT_MS`], [`MAX_CONCURRENCY`] and [`EXPOSE_ERRORS`] where it
    /// declares these. An annotation of the tool's own with such a name stays as it is.
    #[must_use]
    pub fn declared_annotations(&self) -> Map<String, Value> {
        let mut annotations = self.annotations.clone();
        let timeout_ms = |timeout: Duration| u64::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let declared = [
            (TIMEOUT_MS, self.timeout.map(|timeout| timeout_ms(timeout).min(MAX_TIMEOUT_MS).into())),
            (MAX_CONCURRENCY, self.max_concurrency.map(|calls| calls.get().into())),
            (EXPOSE_ERRORS, self.expose_errors.then_some(Value::Bool(true))),
        ];
        for (name, value) in declared {
            if let Some(value) = value {
                annotations.entry(name).or_insert(value);
            }
        }
        annotations
    }

    /// Returns true if results are [`Content`], and not one value.
    #[must_use]
    pub fn returns_content(&self) -> bool {
        self.output_schema.as_ref().is_some_and(Content::is_declared_by)
    }

    /// [`structured_schema`] of its results.
    pub(crate) fn structured_schema(&self) -> Option<Cow<'_, Value>> {
        structured_schema(self.output_schema.as_ref()?)
    }

    /// Checks what a registry requires of every tool.
    ///
    /// # Errors
    /// The name is not one that every client accepts, the input schema is no object schema, or an argument of a typed tool has
    /// a pattern that cannot be used or a default outside of its limits.
    pub fn validate(&self) -> Result<(), InvalidTool> {
        check_name(&self.name)?;
        if let Some(mistake) = &self.mistake {
            return Err(InvalidTool(mistake.clone().into()));
        }
        if self.input_schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(InvalidTool("its input schema must have `\"type\": \"object\"` at the root".into()));
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), InvalidTool> {
    if name.len() > MAX_NAME_CHARS {
        return Err(InvalidTool("a name has at most 64 characters".into()));
    }
    if !is_accepted_name(name) {
        return Err(InvalidTool("a name is a letter or `_` followed by letters, digits, `_` and `-`".into()));
    }
    Ok(())
}

/// Returns true if every client accepts the name of a tool. Constant, because names that are constants are checked while a tool compiles.
pub(crate) const fn is_accepted_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_NAME_CHARS || bytes[0].is_ascii_digit() || bytes[0] == b'-' {
        return false;
    }
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() && bytes[at] != b'_' && bytes[at] != b'-' {
            return false;
        }
        at += 1;
    }
    true
}

/// An error in a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTool(Cow<'static, str>);

impl fmt::Display for InvalidTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTool {}

/// The callers that may call a tool. The platform enforces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Anyone the platform lets in.
    #[default]
    None,
    /// Calls on behalf of a user.
    User,
    /// Administrators.
    Admin,
}

impl Auth {
    /// The word that travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// The place where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Execution {
    /// In the application's runtime. For async functions. The link's thread polls each call once, if the polls of the tool are short, and a
    /// call that is not over then goes on as a task. A tool that has held a thread for long gets blocking threads for its later calls.
    #[default]
    Task,
    /// On the pool of blocking threads. For sync functions.
    Blocking,
    /// As [`Task`](Self::Task), and the link's thread always polls its calls first, also if that takes longer than 500 µs. For cheap
    /// functions: the calls behind one wait for its first poll. A handler that holds up the link for some 30 ms loses that place.
    Inline,
}

/// A number of calls in a span of time.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use platools::ToolDefinition;
/// use platools::tool::Rate;
///
/// let mut definition = ToolDefinition::new("find", "Find an order.", serde_json::json!({ "type": "object" }));
/// definition.rate_limit = NonZeroU32::new(10).map(|calls| Rate::new(calls, Duration::from_secs(60)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    calls: NonZeroU32,
    per: Duration,
}

impl Rate {
    /// `calls` in any span of `per`.
    ///
    /// # Panics
    /// `per` is zero.
    #[must_use]
    pub const fn new(calls: NonZeroU32, per: Duration) -> Self {
        assert!(!per.is_zero(), "a rate needs a span of time");
        Self { calls, per }
    }

    /// Returns the number of calls.
    #[must_use]
    pub const fn calls(self) -> u32 {
        self.calls.get()
    }

    /// In which span of time.
    #[must_use]
    pub const fn per(self) -> Duration {
        self.per
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::schema::output_schema;
    use super::*;
    use platools_protocol::tool_sync::annotation::{declared_timeout, has_exposed_errors};

    fn named(name: &str) -> Result<(), InvalidTool> {
        ToolDefinition::new(name, "", json!({"type": "object"})).validate()
    }

    #[test]
    fn names_are_those_that_every_client_accepts() {
        let longest = "a".repeat(MAX_NAME_CHARS);
        for good in ["a", "_a", "look_up-2", longest.as_str()] {
            named(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        let too_long = "a".repeat(MAX_NAME_CHARS + 1);
        for bad in ["", "1a", "-a", "a.b", "a b", "ä", "a\n", too_long.as_str()] {
            assert!(named(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn limits_that_callers_have_to_know_are_annotations_of_a_registration() {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        assert_eq!(Value::Object(tool.declared_annotations()), json!({}));
        tool.timeout = Some(Duration::from_micros(1_500_100));
        tool.max_concurrency = NonZeroU32::new(2);
        tool.expose_errors = true;
        let declared = tool.declared_annotations();
        let expected = json!({ "timeoutMs": 1501, "maxConcurrency": 2, "exposeErrors": true });
        assert_eq!(Value::Object(declared.clone()), expected);
        assert_eq!(declared_timeout(&declared), Some(Duration::from_millis(1501)));
        assert!(has_exposed_errors(&declared) && tool.annotations.is_empty());
        tool.timeout = Some(Duration::MAX);
        tool.annotations.insert(EXPOSE_ERRORS.to_owned(), false.into());
        assert_eq!(tool.declared_annotations()[TIMEOUT_MS], MAX_TIMEOUT_MS);
        assert!(!has_exposed_errors(&tool.declared_annotations()), "the author's own annotation stays");
    }

    #[test]
    fn the_input_schema_describes_an_object() {
        assert!(ToolDefinition::new("t", "", json!({"type": "string"})).validate().is_err());
        assert!(ToolDefinition::new("t", "", json!(true)).validate().is_err());
    }

    #[derive(schemars::JsonSchema)]
    struct Node {
        #[expect(dead_code, reason = "only its type matters")]
        children: Vec<Node>,
    }

    fn returning<T: schemars::JsonSchema>() -> ToolDefinition {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        tool.output_schema = output_schema::<T>();
        tool
    }

    #[test]
    fn a_schema_says_that_results_are_content_and_what_their_value_is_like() {
        let plain = returning::<Content>();
        assert_eq!(plain.output_schema, Some(Content::schema()));
        assert!(plain.returns_content() && plain.structured_schema().is_none());
        let valued = returning::<Content<Node>>();
        let value = valued.structured_schema().expect("it has a value");
        assert!(valued.returns_content());
        assert_eq!(value["properties"]["children"]["items"], json!({ "$ref": "#/$defs/Node" }));
        assert_eq!(value["$defs"]["Node"]["type"], "object");
    }

    #[test]
    fn any_other_result_is_a_value_and_shown_as_one_if_it_is_an_object() {
        let node = returning::<Node>();
        assert!(!node.returns_content());
        assert_eq!(node.structured_schema().as_deref(), node.output_schema.as_ref());
        assert_eq!(returning::<String>().structured_schema(), None);
        assert_eq!(returning::<Content<String>>().structured_schema(), None);
    }
}
