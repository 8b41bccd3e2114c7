//! Tools with several arguments or none, and with optional arguments, defaults and limits.

use std::collections::BTreeMap;

use platools::{tool, tools};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::case::{Case, Corpus};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Line {
    sku: String,
    #[serde(default)]
    units: u32,
}

/// All arguments of a call.
#[derive(Debug, Serialize, JsonSchema)]
struct All {
    all: BTreeMap<String, Value>,
}

impl All {
    fn of<const N: usize>(all: [(&str, Value); N]) -> Self {
        Self { all: all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }
}

/// Take nothing.
#[tool]
async fn take_nothing() -> All {
    All::of([])
}

/// Take several.
///
/// # Arguments
///
/// * `text` - a text
/// * `count` - how many
#[tool(read_only, idempotent)]
async fn take_several(text: String, count: u32, lines: Vec<Line>) -> All {
    All::of([("text", json!(text)), ("count", json!(count)), ("lines", json!(lines))])
}

/// Take what may be left out.
#[tool]
async fn take_optional(
    text: Option<String>,
    count: Option<u32>,
    line: Option<Line>,
    lines: Option<Vec<Line>>,
    flag: Option<bool>,
) -> All {
    All::of([
        ("text", json!(text)),
        ("count", json!(count)),
        ("line", json!(line)),
        ("lines", json!(lines)),
        ("flag", json!(flag)),
    ])
}

/// Take what has a default.
#[tool(destructive)]
async fn take_defaults(
    #[arg(default = 7)] count: u32,
    #[arg(default = "seven")] text: String,
    #[arg(default)] list: Vec<u8>,
    #[arg(default = Line { sku: "a".to_owned(), units: 1 })] line: Line,
) -> All {
    All::of([("count", json!(count)), ("text", json!(text)), ("list", json!(list)), ("line", json!(line))])
}

/// Take what has limits.
#[tool(strict)]
async fn take_limits(
    #[arg(range(1..=5))] stars: u8,
    #[arg(range(-1.5..1.5))] share: f64,
    #[arg(range(3..))] least: Option<i16>,
    #[arg(length(2..=4), pattern(r"^[\w-]\S.*$"))] code: String,
    #[arg(length(..3))] list: Vec<u8>,
) -> All {
    All::of([
        ("stars", json!(stars)),
        ("share", json!(share)),
        ("least", json!(least)),
        ("code", json!(code)),
        ("list", json!(list)),
    ])
}

/// Take anything beside what is declared.
#[tool(allow_unknown)]
async fn take_more(text: String) -> All {
    All::of([("text", json!(text))])
}

/// Take a name that is a keyword.
#[tool]
async fn take_keywords(r#type: String, r#in: bool) -> All {
    All::of([("type", json!(r#type)), ("in", json!(r#in))])
}

fn case(tool: &'static str, arguments: Value, all: Value) -> Case {
    Case { tool, arguments, result: json!({ "all": all }), structured: true, ..Case::default() }
}

pub(crate) fn corpus() -> Corpus {
    let line = json!({"sku": "a", "units": 1});
    let nothing = json!({"text": null, "count": null, "line": null, "lines": null, "flag": null});
    let several = json!({"text": "a", "count": 2, "lines": [line]});
    let optional = json!({"text": "a", "count": 2, "line": line, "lines": [line], "flag": true});
    let limits = json!({"stars": 5, "share": 0.5, "least": 3, "code": "ab", "list": [1, 2]});
    let cases = vec![
        case("take_nothing", json!({}), json!({})),
        case("take_several", several.clone(), several),
        case("take_optional", json!({}), nothing),
        case("take_optional", optional.clone(), optional),
        case("take_defaults", json!({}), json!({"count": 7, "text": "seven", "list": [], "line": line})),
        case("take_limits", limits.clone(), limits),
        case("take_more", json!({"text": "a", "further": 1}), json!({"text": "a"})),
        case("take_keywords", json!({"type": "a", "in": true}), json!({"type": "a", "in": true})),
    ];
    let tools = tools![take_nothing, take_several, take_optional, take_defaults, take_limits, take_more, take_keywords];
    Corpus { tools, cases }
}
