//! Tests of the schemas of tools, and of their agreement with the decoder.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use platools::{Context, Tool, ToolRegistry, tool, tools};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A place on Earth.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Place {
    /// Degrees north.
    north: f64,
    east: f64,
    label: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Meters(f64);

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
    Box { from: Place, to: Place },
    Labels(Vec<Option<String>>),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Tagged {
    Empty,
    Of { count: u8 },
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
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Exact {
    first_field: bool,
    #[serde(default)]
    second_field: Option<Meters>,
}

struct Db;

/// Take every kind of scalar.
#[tool(strict)]
#[expect(clippy::too_many_arguments, reason = "one of each kind")]
fn scalars(
    text: String,
    yes: bool,
    tiny: u8,
    whole: i64,
    fraction: f64,
    letter: char,
    meters: Meters,
    maybe: Option<i32>,
) -> String {
    format!("{text}{yes}{tiny}{whole}{fraction}{letter}{meters:?}{maybe:?}")
}

/// Take limits and defaults.
#[tool(strict)]
#[expect(clippy::too_many_arguments, reason = "one of each kind")]
fn limits(
    /// Between one and a hundred.
    #[arg(default = 1, range(1..=100))]
    quantity: u32,
    #[arg(range(-1.5..1.5))] share: f64,
    #[arg(range(3..))] least: Option<i16>,
    #[arg(length(2..=4), pattern(r"^[\w-]\S.*$"))] code: &str,
    #[arg(length(..3))] list: &[u8],
    #[arg(default = "ord-1", pattern(r"ord-\d+"))] order: String,
    #[arg(default)] names: BTreeSet<String>,
    #[arg(default = Place { north: 1.0, east: 2.0, label: None, tags: Vec::new() })] place: Place,
) -> usize {
    let _ = (quantity, share, least, code, order, names, place);
    list.len()
}

/// Take what nests.
#[tool(strict)]
#[expect(clippy::too_many_arguments, reason = "one of each kind")]
fn nested(
    place: Place,
    places: Option<Vec<Place>>,
    tree: Tree,
    pair: (u8, String),
    fixed: [bool; 2],
    map: HashMap<String, Place>,
    counts: BTreeMap<u8, bool>,
    exact: Exact,
) -> BTreeMap<String, Tree> {
    let _ = (place, places, pair, fixed, map, counts, exact);
    BTreeMap::from([("tree".to_owned(), tree)])
}

/// Take choices.
#[tool(strict)]
fn choices(unit: Unit, shape: Shape, units: Option<Vec<Unit>>, shapes: &[Shape]) -> Shape {
    let _ = (unit, units, shapes);
    shape
}

/// Take every other form of an enum, and anything.
#[tool(allow_unknown)]
async fn other_choices(
    tagged: Tagged,
    adjacent: Adjacent,
    untagged: Untagged,
    anything: Value,
    _ctx: &Context,
    _db: &Db,
) -> Result<(Tagged, Adjacent, Untagged), String> {
    drop(anything);
    Ok((tagged, adjacent, untagged))
}

/// Take nothing and return nothing.
#[tool]
fn nothing() {}

fn schemas(tool: &impl Tool) -> Value {
    let definition = tool.definition();
    json!({ "input": definition.input_schema, "output": definition.output_schema })
}

#[test]
fn schemas_of_scalars() {
    insta::assert_json_snapshot!(schemas(&scalars {}));
}

#[test]
fn schemas_of_limits_and_defaults() {
    insta::assert_json_snapshot!(schemas(&limits {}));
}

#[test]
fn schemas_of_what_nests() {
    insta::assert_json_snapshot!(schemas(&nested {}));
}

#[test]
fn schemas_of_choices() {
    insta::assert_json_snapshot!(schemas(&choices {}));
}

#[test]
fn schemas_of_other_choices() {
    insta::assert_json_snapshot!(schemas(&other_choices {}));
}

#[test]
fn schemas_of_nothing() {
    insta::assert_json_snapshot!(schemas(&nothing {}));
}

/// A tool, and a validator of its input schema.
struct Subject {
    name: &'static str,
    registry: ToolRegistry,
    validator: jsonschema::Validator,
    runtime: tokio::runtime::Runtime,
}

impl Subject {
    fn new(name: &'static str) -> Self {
        let registry =
            ToolRegistry::new().with_tools(tools![scalars, limits, nested, choices]).expect("they need no state");
        let definition = registry.definitions().into_iter().find(|definition| definition.name == name).expect(name);
        let validator = jsonschema::validator_for(&definition.input_schema).expect("a valid schema");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { name, registry, validator, runtime }
    }

    /// True if the decoder takes the arguments; the tools themselves never fail.
    fn accepts(&self, arguments: &Value) -> bool {
        self.runtime.block_on(self.registry.call(self.name, arguments)).is_ok()
    }

    /// Whatever the decoder accepts, the schema allows.
    fn agrees(&self, arguments: &Value) -> Result<(), TestCaseError> {
        if self.accepts(arguments) {
            let problems: Vec<String> = self.validator.iter_errors(arguments).map(|error| error.to_string()).collect();
            prop_assert!(problems.is_empty(), "accepted, but the schema forbids {arguments}: {problems:?}");
        }
        Ok(())
    }
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!("ord-7")), Just(json!("ab_")), "[a-zä٤0-9 _\u{85}\r-]{0,5}".prop_map(Value::from)]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..130).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-2.0_f64..2.0).prop_map(Value::from),
        (-3_i32..130).prop_map(|whole| Value::from(f64::from(whole))),
    ]
}

/// Any JSON, made of the words that mean something to the subjects.
fn junk() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("north"),
        Just("east"),
        Just("label"),
        Just("tags"),
        Just("name"),
        Just("children"),
        Just("firstField"),
        Just("Point"),
        Just("Circle"),
        Just("Line"),
        Just("Box"),
        Just("Labels"),
        Just("meter"),
        Just("from"),
        Just("to"),
        Just("extra"),
        Just("1"),
        Just("01"),
        Just("-1"),
        Just("+1"),
        Just("300"),
    ];
    let words = key.clone().prop_map(Value::from);
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text(), words];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let entry = (key.clone().prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            prop::collection::vec(entry, 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A change at some place inside of a value.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    Rename(String),
    /// An object by the list of its values, and a string by an object with it as the only key: forms that serde takes.
    Reshape,
    ToText,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => junk().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => "[a-z]{1,4}".prop_map(Change::Rename),
        3 => Just(Change::Reshape),
        1 => Just(Change::ToText),
    ]
}

fn reshaped(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.values().cloned().collect(),
        Value::String(text) => Value::Object(Map::from_iter([(text.clone(), Value::Null)])),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item.clone())).collect()
        }
        other => json!([other]),
    }
}

/// Changes the value at the end of the path, each step of which picks a child by a number of any size.
fn mutate(value: &mut Value, path: &[usize], change: &Change) {
    let children = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    match (path, children) {
        ([step, rest @ ..], 1..) => descend(value, step % children, rest, change),
        _ => match change {
            Change::Replace(new) => *value = new.clone(),
            Change::Reshape => *value = reshaped(value),
            Change::ToText => *value = Value::from(value.to_string()),
            Change::Remove | Change::Rename(_) => {}
        },
    }
}

fn descend(value: &mut Value, child: usize, rest: &[usize], change: &Change) {
    match (value, change, rest) {
        (Value::Object(fields), Change::Remove | Change::Rename(_), []) => {
            let key = fields.keys().nth(child).expect("there is such a child").clone();
            let removed = fields.remove(&key).expect("it is there");
            if let Change::Rename(name) = change {
                fields.insert(name.clone(), removed);
            }
        }
        (Value::Object(fields), ..) => mutate(fields.values_mut().nth(child).expect("a child"), rest, change),
        (Value::Array(items), Change::Remove | Change::Rename(_), []) => drop(items.remove(child)),
        (Value::Array(items), ..) => mutate(&mut items[child], rest, change),
        _ => unreachable!("only lists and objects have children"),
    }
}

fn place() -> impl Strategy<Value = Value> {
    (number(), number(), prop::option::of(text()), prop::option::of(prop::collection::vec(text(), 0..2))).prop_map(
        |(north, east, label, tags)| {
            let mut place = json!({"north": north, "east": east, "label": label});
            if let Some(tags) = tags {
                place["tags"] = tags.into();
            }
            place
        },
    )
}

fn unit() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!("meter")), Just(json!("nautical_mile"))]
}

fn shape() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("Point")),
        number().prop_map(|radius| json!({"Circle": radius})),
        (place(), place()).prop_map(|(from, to)| json!({"Line": [from, to]})),
        (place(), place()).prop_map(|(from, to)| json!({"Box": {"from": from, "to": to}})),
        prop::collection::vec(prop::option::of(text()), 0..3).prop_map(|labels| json!({"Labels": labels})),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = text().prop_map(|name| json!({"name": name, "children": []}));
    leaf.prop_recursive(3, 6, 2, |inner| {
        (text(), prop::collection::vec(inner, 0..2))
            .prop_map(|(name, children)| json!({"name": name, "children": children}))
    })
}

fn of_scalars() -> impl Strategy<Value = Value> {
    (text(), any::<bool>(), any::<u8>(), any::<i64>(), number(), any::<char>(), prop::option::of(any::<i32>()))
        .prop_map(|(text, yes, tiny, whole, fraction, letter, maybe)| {
            json!({"text": text, "yes": yes, "tiny": tiny, "whole": whole, "fraction": fraction, "letter": letter,
                "meters": fraction, "maybe": maybe})
        })
}

fn of_limits() -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(any::<u8>(), 0..3);
    let names = prop::collection::vec("[ab]", 0..3);
    (1_u32..101, -1.5_f64..1.5, prop::option::of(3_i16..), "[a-z_-]{2,4}", list, "x?ord-[0-9]{1,3}", names).prop_map(
        |(quantity, share, least, code, list, order, names)| {
            json!({"quantity": quantity, "share": share, "least": least, "code": code, "list": list, "order": order,
                "names": names})
        },
    )
}

fn of_nested() -> impl Strategy<Value = Value> {
    let places = prop::option::of(prop::collection::vec(place(), 0..2));
    (place(), places, tree(), any::<u8>(), text(), any::<[bool; 2]>()).prop_map(|(place, places, tree, n, text, fixed)| {
        json!({"place": place, "places": places, "tree": tree, "pair": [n, text], "fixed": fixed, "map": {"a": place},
            "counts": {"7": false}, "exact": {"firstField": true, "secondField": 1}})
    })
}

fn of_choices() -> impl Strategy<Value = Value> {
    let lists = (prop::option::of(prop::collection::vec(unit(), 0..2)), prop::collection::vec(shape(), 0..2));
    (unit(), shape(), lists).prop_map(
        |(unit, shape, (units, shapes))| json!({"unit": unit, "shape": shape, "units": units, "shapes": shapes}),
    )
}

/// Checks one tool with arguments that are valid, and with the same changed in a few places.
fn check(name: &'static str, valid: impl Strategy<Value = Value>) {
    let subject = Subject::new(name);
    let changes = prop::collection::vec((prop::collection::vec(any::<usize>(), 0..5), change()), 1..4);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 2_000, ..ProptestConfig::default() });
    let outcome = runner.run(&(valid, changes), |(mut arguments, changes)| {
        prop_assert!(subject.accepts(&arguments), "refused, though valid: {arguments}");
        subject.agrees(&arguments)?;
        for (path, change) in &changes {
            mutate(&mut arguments, path, change);
            // Names that begin with an underscore are the platform's own, and no arguments.
            if arguments.is_object() {
                subject.agrees(&arguments)?;
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn what_the_decoder_accepts_of_scalars_the_schema_allows() {
    check("scalars", of_scalars());
}

#[test]
fn what_the_decoder_accepts_of_limits_the_schema_allows() {
    check("limits", of_limits());
}

#[test]
fn what_the_decoder_accepts_of_what_nests_the_schema_allows() {
    check("nested", of_nested());
}

#[test]
fn what_the_decoder_accepts_of_choices_the_schema_allows() {
    check("choices", of_choices());
}

#[test]
fn defaults_are_valid_against_their_own_schemas() {
    let schema = limits {}.definition().input_schema;
    let properties = schema["properties"].as_object().expect("an object");
    let mut found = 0;
    for (name, property) in properties {
        let Some(default) = property.get("default") else { continue };
        let mut alone = property.clone();
        alone["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::validator_for(&alone).expect("a valid schema");
        assert!(validator.is_valid(default), "the default of `{name}` is {default}: {property}");
        found += 1;
    }
    assert_eq!(found, 4);
}
