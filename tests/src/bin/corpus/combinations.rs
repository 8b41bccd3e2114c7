//! Schemas of types in each other, a few hundred, with values that fit them. The form of the console is tested with them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::case::{Case, Corpus};

/// A schema with values that fit it.
#[derive(Debug, Serialize)]
pub(crate) struct FormCase {
    name: String,
    schema: Value,
    values: Vec<Value>,
}

/// The forms of all tools, and of the combinations: one line for each, so that a change shows what it changed.
pub(crate) fn lines(corpus: &Corpus) -> String {
    let forms = tools(corpus).into_iter().chain(combinations());
    let lines: Vec<String> = forms.map(|form| format!("  {}", json!(form))).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// The input schema of each tool, with the arguments of its cases.
fn tools(corpus: &Corpus) -> Vec<FormCase> {
    let values = |name: &str| -> Vec<Value> {
        let cases = corpus.cases.iter().filter(|case: &&Case| case.tool == name);
        cases.map(|case| case.arguments.clone()).collect()
    };
    let definitions = corpus.tools.iter().map(|tool| tool.definition());
    definitions
        .map(|definition| {
            let values = values(&definition.name);
            FormCase { name: definition.name, schema: definition.input_schema, values }
        })
        .collect()
}

fn combinations() -> Vec<FormCase> {
    let mut forms = Forms::default();
    forms.of("boolean", &[true, false]);
    forms.of("u8", &[0u8, 255]);
    forms.of("i64", &[i64::MIN, 0, i64::MAX]);
    forms.of("u64", &[u64::MAX]);
    forms.of("f64", &[0.1, -1.5e300, 30.0]);
    forms.of("text", &[String::new(), "two\nlines".to_owned(), "ü \"quoted\" \u{1f389}".to_owned()]);
    forms.of("date", &NaiveDate::from_ymd_opt(2026, 2, 28).map_or(vec![], |date| vec![date]));
    forms.of("time", &[DateTime::<Utc>::UNIX_EPOCH]);
    forms.of("uuid", &[Uuid::nil()]);
    forms.of("url", &Url::parse("https://example.com/a?b=c").map_or(vec![], |url| vec![url]));
    forms.of("json", &[Value::Null, json!({"a": [1, "b"]}), json!(false)]);
    forms.of("unit", &[()]);
    forms.of("suit", &[Suit::Hearts, Suit::Spades]);
    forms.of("order", &[Order::NewestFirst, Order::OldestFirst]);
    forms.of("place", &[place(None, &[]), place(Some("Home"), &["a", ""])]);
    forms.of("shape", &shapes());
    forms.of("tagged", &[Tagged::Empty, Tagged::Counted { count: 3 }, Tagged::At(place(None, &["b"]))]);
    forms.of("adjacent", &[Adjacent::Empty, Adjacent::Number(2), Adjacent::Pair(1, "a".to_owned())]);
    forms.of(
        "untagged",
        &[
            Untagged::Number(1),
            Untagged::Text("1".to_owned()),
            Untagged::List(vec![1]),
            Untagged::Place(place(None, &[])),
        ],
    );
    forms.of("tree", &[tree(0), tree(3)]);
    forms.of("expression", &[expression()]);
    forms.found
}

/// The forms found so far.
#[derive(Default)]
struct Forms {
    found: Vec<FormCase>,
}

impl Forms {
    /// Adds the forms of a type, alone and within others.
    fn of<T: JsonSchema + Serialize + Clone>(&mut self, name: &str, values: &[T]) {
        let every = || values.iter().cloned();
        let first = || values.first().cloned();
        self.add(name, values.to_vec());
        self.add(&format!("maybe {name}"), every().map(Some).chain([None]).collect());
        self.add(&format!("list of {name}"), vec![every().collect::<Vec<_>>(), vec![]]);
        self.add(&format!("list of maybe {name}"), vec![every().map(Some).chain([None]).collect::<Vec<_>>()]);
        self.add(&format!("list of lists of {name}"), vec![vec![every().collect::<Vec<_>>(), vec![]]]);
        self.add(
            &format!("map of {name}"),
            vec![every().zip(["a", "", "ä/~b", "0"]).map(|(value, key)| (key, value)).collect::<BTreeMap<_, _>>()],
        );
        self.add(
            &format!("numbered map of {name}"),
            vec![every().zip([7u32, 1]).map(|(value, key)| (key, value)).collect::<BTreeMap<_, _>>()],
        );
        self.add(&format!("pair of {name}"), every().map(|value| (value, 1u8)).collect());
        self.add(&format!("array of {name}"), every().map(|value| [value.clone(), value]).collect());
        self.add(
            &format!("either {name}"),
            every().map(Either::This).chain([Either::Number(1.5), Either::Neither]).collect(),
        );
        self.add(
            &format!("tagged {name}"),
            every().map(|value| Kind::Full { value, note: None }).chain([Kind::Bare]).collect(),
        );
        self.add(
            &format!("fields of {name}"),
            every()
                .map(|value| Fields { needed: value.clone(), wanted: Some(value), standard: 7, others: vec![] })
                .collect(),
        );
        self.add(
            &format!("closed fields of {name}"),
            every().map(|value| Closed { needed: value, wanted: None }).collect(),
        );
        self.add(
            &format!("flat fields of {name}"),
            every().map(|value| Flat { id: 1, inner: Closed { needed: value, wanted: first() } }).collect(),
        );
        self.add(
            &format!("chain of {name}"),
            every()
                .map(|value| Chain { value: value.clone(), next: Some(Box::new(Chain { value, next: None })) })
                .collect(),
        );
        self.add_draft_7(
            &format!("draft 7 fields of {name}"),
            every().map(|value| Fields { needed: value, wanted: None, standard: 0, others: values.to_vec() }).collect(),
        );
    }

    fn add<T: JsonSchema + Serialize>(&mut self, name: &str, values: Vec<T>) {
        self.push::<T>(name, &values, SchemaSettings::draft2020_12());
    }

    fn add_draft_7<T: JsonSchema + Serialize>(&mut self, name: &str, values: Vec<T>) {
        self.push::<T>(name, &values, SchemaSettings::draft07());
    }

    fn push<T: JsonSchema + Serialize>(&mut self, name: &str, values: &[T], settings: SchemaSettings) {
        let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        self.found.push(FormCase {
            name: name.to_owned(),
            schema,
            values: values.iter().map(|value| json!(value)).collect(),
        });
    }
}

#[derive(Clone, Serialize, JsonSchema)]
enum Suit {
    Hearts,
    Spades,
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// The newest first.
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// A place on Earth.
#[derive(Clone, Serialize, JsonSchema)]
struct Place {
    /// Degrees north.
    #[schemars(range(min = -90.0, max = 90.0))]
    north: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default)]
    tags: BTreeSet<String>,
}

#[derive(Clone, Serialize, JsonSchema)]
enum Shape {
    Point,
    Circle(f64),
    Line(Place, Place),
    Box { from: Place, to: Option<Place> },
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Tagged {
    Empty,
    /// Some of them.
    Counted {
        count: u8,
    },
    At(Place),
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Empty,
    Number(u8),
    Pair(u8, String),
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<u8>),
    Place(Place),
}

#[derive(Clone, Serialize, JsonSchema)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Expression {
    Add { left: Box<Expression>, right: Box<Expression> },
    Number { value: f64 },
}

#[derive(Clone, Serialize, JsonSchema)]
enum Either<T> {
    This(T),
    Number(f64),
    Neither,
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "type")]
enum Kind<T> {
    Full { value: T, note: Option<String> },
    Bare,
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Fields<T> {
    needed: T,
    wanted: Option<T>,
    #[serde(default = "seven")]
    standard: u8,
    #[serde(default)]
    others: Vec<T>,
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Closed<T> {
    needed: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<T>,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Flat<T> {
    id: u32,
    #[serde(flatten)]
    inner: Closed<T>,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Chain<T> {
    value: T,
    next: Option<Box<Chain<T>>>,
}

fn seven() -> u8 {
    7
}

fn place(label: Option<&str>, tags: &[&str]) -> Place {
    Place { north: 48.1, label: label.map(str::to_owned), tags: tags.iter().map(|&tag| tag.to_owned()).collect() }
}

fn shapes() -> Vec<Shape> {
    let home = place(Some("Home"), &[]);
    vec![
        Shape::Point,
        Shape::Circle(2.0),
        Shape::Line(home.clone(), place(None, &["a"])),
        Shape::Box { from: home, to: None },
    ]
}

fn tree(depth: usize) -> Tree {
    let children = (0..depth).map(|_| tree(depth - 1)).collect();
    Tree { name: format!("depth {depth}"), children }
}

fn expression() -> Expression {
    let number = |value| Box::new(Expression::Number { value });
    Expression::Add { left: number(1.0), right: Box::new(Expression::Add { left: number(2.5), right: number(-3.0) }) }
}
