//! Tests of the tools that the macros make: definitions, calls and errors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use platools::tool::{Auth, Execution, IntoToolError, Rate};
use platools::{Context, ErrorKind, Tool, ToolError, ToolRegistry, tool, tools};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Calls one tool of a registry.
async fn call(registry: &ToolRegistry, name: &str, params: Value) -> Result<Value, ToolError> {
    registry.call(name, params).await
}

/// Calls a tool that needs no state.
async fn call_alone(tool: impl Tool + 'static, params: Value) -> Result<Value, ToolError> {
    let name = tool.definition().name;
    let registry = ToolRegistry::new().with_tools(tool).expect("a registry of one tool");
    call(&registry, &name, params).await
}

struct Db {
    prefix: &'static str,
}

/// Look up one order by id.
#[tool(auth = "user", roles = ["support", "admin"], timeout = "20s", read_only)]
async fn lookup_order(
    /// Public order id.
    order_id: String,
    /// Number of units.
    #[arg(default = 1, range(1..=100))]
    quantity: u32,
    note: Option<String>,
    ctx: &Context,
    db: &Db,
) -> Result<String, ToolError> {
    let user = ctx.user_id().unwrap_or("nobody");
    Ok(format!("{}{order_id} x{quantity} for {user}, {note:?}", db.prefix))
}

fn orders() -> ToolRegistry {
    ToolRegistry::new().with_state(Db { prefix: "#" }).with_tools(tools![lookup_order]).expect("state is there")
}

#[tokio::test]
async fn arguments_come_from_the_caller_and_borrowed_values_from_the_worker() {
    let params = json!({"order_id": "o1", "__platos": {"userId": "u1"}});
    assert_eq!(call(&orders(), "lookup_order", params).await.expect("it fits"), "#o1 x1 for u1, None");
    let params = json!({"order_id": "o1", "quantity": 3, "note": "n"});
    assert_eq!(call(&orders(), "lookup_order", params).await.expect("it fits"), "#o1 x3 for nobody, Some(\"n\")");
}

#[tokio::test]
async fn limits_are_enforced() {
    let error = call(&orders(), "lookup_order", json!({"order_id": "o", "quantity": 101})).await.expect_err("too many");
    assert!(error.message().contains("at most 100"), "{error}");
}

#[tokio::test]
async fn the_function_stays_an_ordinary_function() {
    let context = Arc::new(std::sync::Mutex::new(None));
    let seen = Arc::clone(&context);
    /// Keep the context.
    #[tool(inline)]
    fn keep(ctx: &Context, seen: &Arc<std::sync::Mutex<Option<Context>>>) {
        *seen.lock().unwrap() = Some(ctx.clone());
    }
    let registry = ToolRegistry::new().with_state(seen).with_tools(tools![keep]).expect("state is there");
    assert_eq!(call(&registry, "keep", json!({})).await.expect("no arguments"), Value::Null);
    let context = context.lock().unwrap().take().expect("it was kept");
    let direct = lookup_order("o".into(), 2, None, &context, &Db { prefix: "" }).await;
    assert_eq!(direct.expect("a plain call"), "o x2 for nobody, None");
}

#[test]
fn missing_state_is_found_when_a_client_or_a_server_is_built() {
    let registry = || ToolRegistry::new().with_tools(tools![lookup_order]).expect("state may follow");
    let client = || platools::PlatoolsClient::builder().url("http://127.0.0.1:1").secret("s");
    let errors = [
        client().registry(registry()).build().map(drop),
        client().tools(tools![lookup_order]).build().map(drop),
        platools::serve::Server::new(registry()).definitions().map(drop),
        registry().check(),
    ];
    for error in errors.map(|built| built.expect_err("there is no Db")) {
        assert_eq!(error.kind(), ErrorKind::MissingState);
        for part in ["tool `lookup_order`", "parameter `db`", "Db`", "`state`"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    client().tools(tools![lookup_order]).state(Db { prefix: "" }).build().expect("the state comes after the tool");
}

#[test]
fn the_definition_holds_what_the_attribute_says() {
    let definition = lookup_order {}.definition();
    assert_eq!(definition.name, "lookup_order");
    assert_eq!(definition.description, "Look up one order by id.");
    assert_eq!((definition.auth, definition.roles), (Auth::User, vec!["support".to_owned(), "admin".to_owned()]));
    assert_eq!(definition.timeout, Some(Duration::from_secs(20)));
    assert_eq!(Value::Object(definition.annotations), json!({"readOnlyHint": true}));
    assert_eq!((definition.execution, definition.expose_errors), (Execution::Task, false));
    assert_eq!(definition.output_schema, Some(json!({"type": "string"})));
    assert_eq!(definition.input_schema["required"], json!(["order_id"]));
    assert_eq!(definition.input_schema["properties"]["quantity"]["description"], "Number of units.");
}

/// Overridden.
#[tool(
    name = "other-name",
    description = "Do it.",
    category = "deeds",
    destructive,
    idempotent = false,
    open_world,
    annotations(cost = -3, team = "billing", "x-share" = 0.5, beta = true),
    max_concurrency = 4,
    rate = "10/m",
    expose_errors,
    no_output_schema,
    auth = "admin"
)]
fn deed() -> u8 {
    1
}

#[test]
fn every_key_reaches_the_definition() {
    let definition = deed {}.definition();
    assert_eq!((definition.name.as_str(), definition.description.as_str()), ("other-name", "Do it."));
    assert_eq!(
        Value::Object(definition.annotations),
        json!({
            "category": "deeds", "destructiveHint": true, "idempotentHint": false, "openWorldHint": true,
            "cost": -3, "team": "billing", "x-share": 0.5, "beta": true,
        })
    );
    let ten = NonZeroU32::new(10).expect("ten");
    assert_eq!(definition.rate_limit, Some(Rate::new(ten, Duration::from_secs(60))));
    assert_eq!(definition.max_concurrency, NonZeroU32::new(4));
    assert_eq!((definition.auth, definition.expose_errors), (Auth::Admin, true));
    assert_eq!((definition.output_schema, definition.execution), (None, Execution::Blocking));
}

/// Join texts.
///
/// # Arguments
/// * `first` - The first text,
///   which may be long.
/// - numbers: Added up.
#[tool(strict, allow_unknown)]
fn join(
    first: &str,
    numbers: &[i64],
    tail: Option<&str>,
    rest: Option<&[u8]>,
    #[arg] map: &BTreeMap<String, u8>,
) -> String {
    format!("{first}{}{tail:?}{rest:?}{}", numbers.iter().sum::<i64>(), map.len())
}

#[tokio::test]
async fn text_and_lists_are_borrowed_for_the_call() {
    let params = json!({"first": "a", "numbers": [1, 2], "rest": [3], "map": {"k": 1}, "unknown": true});
    assert_eq!(call_alone(join {}, params).await.expect("it fits"), "a3NoneSome([3])1");
    let error = call_alone(join {}, json!({"first": "a", "numbers": ["1"], "map": {}})).await.expect_err("strict");
    assert!(error.message().contains("numbers[0]"), "{error}");
}

#[test]
fn an_arguments_section_describes_arguments_and_leaves_the_description() {
    let definition = join {}.definition();
    assert_eq!(definition.description, "Join texts.");
    let properties = &definition.input_schema["properties"];
    assert_eq!(properties["first"]["description"], "The first text, which may be long.");
    assert_eq!(properties["numbers"]["description"], "Added up.");
    assert_eq!(definition.input_schema["required"], json!(["first", "numbers", "map"]));
    assert_eq!(definition.input_schema["additionalProperties"], json!(true));
}

const MOST: u8 = 9;

fn words() -> Vec<String> {
    vec!["w".to_owned()]
}

/// Take every kind of limit and default.
#[tool]
fn limited(
    #[arg(name = "from", default = "x", length(1..=3), pattern("^[a-z]+$"), user_providable)] r#type: String,
    #[arg(default, range(..MOST))] below: u8,
    #[arg(default = 0.5, range(0.0..1.5))] share: f64,
    #[arg(default = -3, range(-5..))] signed: i32,
    #[arg(default = words(), length = ..3)] list: Vec<String>,
    #[arg(default = 5)] maybe: Option<u32>,
) -> (String, u8, f64, i32, Vec<String>, Option<u32>) {
    (r#type, below, share, signed, list, maybe)
}

#[tokio::test]
async fn defaults_fill_in_and_limits_hold() {
    assert_eq!(limited {}.definition().input_schema["properties"]["from"]["x-user-providable"], true);
    let result = call_alone(limited {}, json!({})).await.expect("all have defaults");
    assert_eq!(result, json!(["x", 0, 0.5, -3, ["w"], 5]));
    let result = call_alone(limited {}, json!({"from": ""})).await.expect("a text that cannot be meant is left out");
    assert_eq!(result[0], "x");
    for bad in [
        json!({"from": "ABC"}),
        json!({"below": 9}),
        json!({"share": 1.5}),
        json!({"signed": -6}),
        json!({"list": ["a", "b", "c"]}),
        json!({"type": "a"}),
    ] {
        assert!(call_alone(limited {}, bad.clone()).await.is_err(), "{bad}");
    }
}

#[derive(Clone)]
struct Settings(u8);

/// Clone what is injected.
#[tool]
async fn owned(#[inject] settings: Settings, #[inject] ctx: Context) -> (u8, bool) {
    (settings.0, ctx.call_id().is_empty())
}

#[tokio::test]
async fn injected_values_may_be_owned() {
    let registry = ToolRegistry::new().with_state(Settings(7)).with_tools(tools![owned]).expect("state is there");
    assert_eq!(call(&registry, "owned", json!({})).await.expect("no arguments"), json!([7, false]));
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);
impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}
impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[derive(Debug)]
struct Chosen;
impl From<Chosen> for ToolError {
    fn from(_: Chosen) -> Self {
        Self::new("chosen").with_code("chosen").retryable()
    }
}

/// Displayed with its causes in the alternate form, as reports are.
struct Report;
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() { "report: cause" } else { "report" })
    }
}

/// An error type that says what it becomes.
#[derive(Debug)]
struct Coded;
impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not these words")
    }
}
impl StdError for Coded {}
impl IntoToolError for Coded {
    fn into_tool_error(self) -> ToolError {
        ToolError::new("coded").with_code("coded")
    }
}

type Alias<T> = Result<T, Outer>;

fn outer() -> Outer {
    Outer("x".parse::<u8>().expect_err("no number"))
}

mod failing {
    use super::*;

    /// Fail.
    #[tool]
    pub(super) fn with_tool_error() -> Result<(), ToolError> {
        Err(ToolError::new("mine").with_code("mine"))
    }
    /// Fail.
    #[tool]
    pub(super) fn with_chosen() -> Result<(), Chosen> {
        Err(Chosen)
    }
    /// Fail.
    #[tool]
    pub(super) fn with_coded() -> Result<(), Coded> {
        Err(Coded)
    }
    /// Fail.
    #[tool]
    pub(super) async fn with_question() -> Result<u8, ToolError> {
        let text = std::fs::read_to_string("/nonexistent/file").or(Err(outer()))?;
        Ok(text.parse()?)
    }
    /// Fail.
    #[tool]
    pub(super) async fn with_error() -> Result<u8, Outer> {
        Err(outer())
    }
    /// Fail.
    #[tool]
    pub(super) async fn with_alias() -> Alias<u8> {
        Err(outer())
    }
    /// Fail.
    #[tool]
    pub(super) fn with_io() -> std::io::Result<u8> {
        Err(std::io::Error::other("io"))
    }
    /// Fail.
    #[tool]
    pub(super) fn with_box() -> Result<u8, Box<dyn StdError + Send + Sync>> {
        Err(Box::new(outer()))
    }
    /// Fail.
    #[tool]
    pub(super) fn with_string() -> Result<u8, String> {
        Err("text".to_owned())
    }
    /// Fail.
    #[tool]
    pub(super) fn with_str() -> Result<u8, &'static str> {
        Err("text")
    }
    /// Fail.
    #[tool]
    pub(super) async fn with_report() -> Result<u8, Report> {
        Err(Report)
    }
    /// Succeed.
    #[tool]
    pub(super) fn never() -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[tokio::test]
async fn every_kind_of_error_becomes_a_tool_error() {
    let failure = async |tool: Box<dyn Tool>| {
        let name = tool.definition().name;
        let registry = ToolRegistry::new().with_tools(vec![tool]).expect("one tool");
        let error = call(&registry, &name, json!({})).await.expect_err("it fails");
        (error.message().to_owned(), error.code().to_owned(), error.causes().is_some())
    };
    let expected = [
        ("mine", "mine", false),
        ("chosen", "chosen", false),
        ("coded", "coded", false),
        ("outer", platools::tool::code::FAILED, true),
        ("outer", platools::tool::code::FAILED, true),
        ("outer", platools::tool::code::FAILED, true),
        ("io", platools::tool::code::FAILED, false),
        ("outer", platools::tool::code::FAILED, true),
        ("text", platools::tool::code::FAILED, false),
        ("text", platools::tool::code::FAILED, false),
        ("report", platools::tool::code::FAILED, true),
    ];
    let tools = tools![
        failing::with_tool_error,
        failing::with_chosen,
        failing::with_coded,
        failing::with_question,
        failing::with_error,
        failing::with_alias,
        failing::with_io,
        failing::with_box,
        failing::with_string,
        failing::with_str,
        failing::with_report,
    ];
    for (tool, (message, code, causes)) in tools.into_iter().zip(expected) {
        assert_eq!(failure(tool).await, (message.to_owned(), code.to_owned(), causes));
    }
    assert_eq!(call_alone(failing::never {}, json!({})).await.expect("it never fails"), 1);
}

struct Counter {
    count: AtomicU32,
}

#[platools::tool]
impl Counter {
    const STEP: u32 = 2;

    /// Count.
    #[tool(read_only = false)]
    async fn count(&self, #[arg(default = Self::STEP)] by: u32) -> u32 {
        self.count.fetch_add(by, Ordering::Relaxed) + by
    }

    /// Say hello, without the counter.
    #[tool(name = "hello")]
    fn greet(name: &str, ctx: &Context) -> String {
        assert!(!ctx.call_id().is_empty());
        format!("hello {name}")
    }

    /// Is never there.
    #[cfg(any())]
    #[tool]
    fn absent(&self) -> Missing {}

    fn untouched(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn methods_share_their_value() {
    let counter = Arc::new(Counter { count: AtomicU32::new(0) });
    let registry = ToolRegistry::new().with_tools(Arc::clone(&counter)).expect("two tools");
    assert_eq!(registry.names(), ["count", "hello"]);
    assert_eq!(call(&registry, "count", json!({})).await.expect("a default"), 2);
    assert_eq!(call(&registry, "count", json!({"by": 3})).await.expect("it fits"), 5);
    assert_eq!(call(&registry, "hello", json!({"name": "x"})).await.expect("it fits"), "hello x");
    assert_eq!(counter.untouched(), 5);
}

struct Generic<T>(T);

#[tool]
impl Generic<u8> {
    /// Give what is held.
    #[tool]
    async fn held(&self) -> u8 {
        self.0
    }
}

#[tokio::test]
async fn a_value_becomes_tools_without_being_shared_first() {
    let registry = ToolRegistry::new().with_tools(Generic(9_u8)).expect("one tool");
    assert_eq!(call(&registry, "held", json!({})).await.expect("no arguments"), 9);
}

/// Is never there.
#[tool]
#[cfg(any())]
fn absent() -> Missing {}

#[test]
fn conditions_are_kept_in_lists() {
    let tools = tools![
        #[cfg(any())]
        absent,
        deed,
        #[cfg(not(any()))]
        join,
    ];
    assert_eq!(tools.len(), 2);
    assert!(tools![].is_empty());
}

/// Return what is borrowed.
#[tool]
fn borrowing(db: &Db) -> Cow<'_, str> {
    Cow::Borrowed(db.prefix)
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Deep {
    level: Option<Box<Deep>>,
}

/// Return what was given.
#[tool]
async fn echo(deep: Deep) -> Deep {
    deep
}

#[tokio::test]
async fn results_may_borrow_and_nest() {
    let registry =
        ToolRegistry::new().with_state(Db { prefix: "p" }).with_tools(tools![borrowing, echo]).expect("state is there");
    assert_eq!(call(&registry, "borrowing", json!({})).await.expect("no arguments"), "p");
    let deep = json!({"level": {"level": null}});
    assert_eq!(call(&registry, "echo", json!({ "deep": deep })).await.expect("it fits"), deep);
}

#[test]
fn mistakes_that_only_show_at_run_time_are_found_when_the_tool_is_registered() {
    fn zero() -> u8 {
        0
    }
    /// Take one or more.
    #[tool]
    fn positive(#[arg(default = zero(), range(1..))] n: u8) -> u8 {
        n
    }
    /// Take a word.
    #[tool]
    fn wordy(#[arg(pattern("(?i)a"))] word: String) -> String {
        word
    }
    let registry = ToolRegistry::new();
    for (tools, parts) in
        [(tools![positive], ["`positive`", "`n`", "at least 1"]), (tools![wordy], ["`wordy`", "`word`", "group"])]
    {
        let error = registry.insert(tools).expect_err("a mistake");
        assert_eq!(error.kind(), ErrorKind::InvalidTool);
        for part in parts {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    assert!(registry.is_empty());
}

#[tokio::test]
async fn the_range_of_an_f32_means_the_decimals_that_were_written() {
    /// Take a share.
    #[tool]
    fn share(#[arg(default = 0.1, range(0.0..=0.1))] share: f32) -> bool {
        share > 0.0
    }
    assert_eq!(share {}.definition().input_schema["properties"]["share"]["default"], json!(0.1));
    assert_eq!(call_alone(share {}, json!({})).await.expect("the default is in range"), true);
}
