//! Tests of tools with Rust types, called as a model would call them in each dialect.

use std::collections::{BTreeMap, HashMap};

use platools::tool::{Dialect, code};
use platools::{ToolRegistry, tool, tools};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::DIALECTS;
use crate::check::{Checked, Tally};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Place {
    north: f64,
    east: f64,
    label: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default = "seven", skip_serializing_if = "is_seven")]
    zoom: u8,
}

fn seven() -> u8 {
    7
}

fn is_seven(zoom: &u8) -> bool {
    *zoom == 7
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unit {
    Meter,
    /// Not everywhere the same.
    NauticalMile,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Shape {
    Point,
    Circle(f64),
    Line(Place, Place),
    Box { from: Place, to: Option<Place> },
    Labels(Vec<Option<String>>),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Tagged {
    Empty,
    Of { count: u8, note: Option<String> },
    There(Place),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Empty,
    Of(u8),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Text(String),
    Number(i64),
    Place { name: String, size: Option<u16> },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Tree {
    name: String,
    children: Vec<Tree>,
    within: Option<Box<Tree>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    how: Tagged,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Exact {
    first_field: bool,
    #[serde(default)]
    second_field: Option<u64>,
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
    #[schemars(length(min = 1, max = 8))]
    word: String,
}

/// Take scalars.
#[tool]
#[expect(clippy::too_many_arguments, reason = "one of each type")]
fn scalars(a: bool, b: i8, c: u32, d: i64, e: u64, f: f32, g: f64, h: String, i: char) -> String {
    format!("{a}{b}{c}{d}{e}{f}{g}{h}{i}")
}

/// Take scalars that may be left out.
#[tool]
fn optional(
    a: Option<bool>,
    b: Option<i16>,
    c: Option<u16>,
    d: Option<f64>,
    e: Option<String>,
    f: Option<Unit>,
) -> String {
    format!("{a:?}{b:?}{c:?}{d:?}{e:?}{f:?}")
}

/// Take scalars that have defaults, as they are.
#[tool(strict)]
fn strict(
    #[arg(default = 3, range(1..=9))] n: u32,
    #[arg(default = "x")] text: String,
    place: Place,
    more: Option<Vec<Place>>,
    exact: Option<Exact>,
) -> String {
    format!("{n}{text}{place:?}{more:?}{exact:?}")
}

/// Take limits.
#[tool]
fn limits(
    #[arg(range(1..=100))] quantity: i64,
    #[arg(length(1..=20))] name: String,
    #[arg(pattern = "^[A-Z]{3}-[0-9]+$")] code: Option<String>,
    #[arg(length(1..=3))] list: Vec<u8>,
    exact: Exact,
) -> String {
    format!("{quantity}{name}{code:?}{list:?}{exact:?}")
}

/// Take what nests.
#[tool]
fn nested(
    place: Place,
    places: Vec<Place>,
    by_name: HashMap<String, u16>,
    pair: (f64, String),
    corner: [f64; 2],
    tree: Option<Tree>,
) -> String {
    format!("{place:?}{places:?}{by_name:?}{pair:?}{corner:?}{tree:?}")
}

/// Take places only, which have strict form.
#[tool]
fn places(from: Place, to: Option<Place>, via: Vec<Option<Place>>, tree: Tree) -> String {
    format!("{from:?}{to:?}{via:?}{tree:?}")
}

/// Take choices.
#[tool]
fn choices(
    unit: Unit,
    shape: Shape,
    units: Option<Vec<Unit>>,
    tagged: Tagged,
    adjacent: Adjacent,
    other: Untagged,
) -> String {
    format!("{unit:?}{shape:?}{units:?}{tagged:?}{adjacent:?}{other:?}")
}

/// Take optional choices.
#[tool]
fn optional_choices(
    shape: Option<Shape>,
    tagged: Option<Tagged>,
    list: Option<Vec<Tagged>>,
    flat: Option<Flat>,
) -> String {
    format!("{shape:?}{tagged:?}{list:?}{flat:?}")
}

/// Take one flattened struct.
#[tool]
fn flattened(flat: Flat, all: Vec<Flat>) -> String {
    format!("{flat:?}{all:?}")
}

/// Take anything.
#[tool]
fn anything(value: Value, map: BTreeMap<String, Value>, list: Vec<Value>, unit: Option<BTreeMap<u8, Unit>>) -> String {
    format!("{value}{map:?}{list:?}{unit:?}")
}

/// Take nothing.
#[tool]
fn nothing() -> &'static str {
    "nothing"
}

fn registry() -> ToolRegistry {
    let all = tools![
        scalars,
        optional,
        strict,
        limits,
        nested,
        places,
        choices,
        optional_choices,
        flattened,
        anything,
        nothing
    ];
    ToolRegistry::new().with_tools(all).expect("tools")
}

#[tokio::test]
async fn values_that_fit_a_form_of_a_rust_tool_are_decoded() {
    let registry = registry();
    let mut taken = 0;
    for dialect in DIALECTS {
        let mut tally = Tally::default();
        for (at, name) in registry.names().into_iter().enumerate() {
            let tool = registry.get(&name).expect("a tool");
            let checked = Checked::new(&tool, dialect);
            let mut values = Vec::new();
            checked.each_value(at as u64, 60, &mut tally, |value, seed, _| values.push((value.clone(), seed)));
            for (value, seed) in values {
                let fits = checked.check(&value, seed, &mut tally).is_some();
                let ended = registry.call_from_model(dialect, &name, &value.to_string()).await;
                match ended {
                    Ok(_) => assert!(fits, "seed {seed}: {value}"),
                    Err(error) if !fits => assert_eq!(error.code(), code::INVALID_ARGUMENTS, "seed {seed}: {error}"),
                    Err(error) => panic!("seed {seed}, {dialect:?}, {name}: {error}\n{value}\n{:#}", tool.input_schema),
                }
            }
        }
        println!("{dialect:?}: {tally:?}");
        assert!(tally.barren < 20, "{dialect:?}: {tally:?}");
        taken += tally.taken;
    }
    assert!(taken > 2_000, "{taken}");
}

#[test]
fn strict_form_is_the_form_of_most_of_these_tools() {
    let registry = registry();
    let exported = registry.export(Dialect::OpenAi);
    let strict: Vec<_> = exported.iter().filter(|tool| tool["function"]["strict"] == true).collect();
    let names: Vec<_> = strict.iter().filter_map(|tool| tool["function"]["name"].as_str()).collect();
    assert_eq!(names, ["scalars", "optional", "strict", "limits", "places", "choices", "nothing"]);
}
