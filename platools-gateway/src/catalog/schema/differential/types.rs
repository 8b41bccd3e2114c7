//! Typed tools for the tests, one for each type that arguments may have.
#![expect(dead_code, reason = "the fields are shown by `Debug` alone")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;
use std::sync::Arc;

use platools::schemars::JsonSchema;
use platools::{Tool, ToolDefinition, ToolRegistry, tool};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

macro_rules! typed_tools {
    ($($name:ident: $type:ty;)*) => {
        $(
            /// Take a value.
            #[tool]
            async fn $name(v: $type) -> String {
                format!("{v:?}")
            }
        )*

        /// The tools, each with the name of its type.
        pub(super) fn typed() -> (ToolRegistry, Vec<ToolDefinition>) {
            let registry = ToolRegistry::new()$(.with_tools($name {}).expect("a valid tool"))*;
            (registry, vec![$(Tool::definition(&$name {})),*])
        }
    };
}

typed_tools! {
    take_u8: u8; take_i8: i8; take_u16: u16; take_i32: i32; take_u32: u32; take_i64: i64; take_u64: u64; take_usize: usize;
    take_f64: f64; take_bool: bool; take_char: char; take_string: String; take_nonzero: NonZeroU8;
    take_option: Option<u32>; take_option_text: Option<String>; take_option_bool: Option<bool>; take_option_list: Option<Vec<String>>;
    take_list: Vec<u16>; take_texts: Vec<String>; take_lists: Vec<Vec<f64>>; take_array: [u8; 2]; take_pair: (u8, String);
    take_map: BTreeMap<String, i32>; take_map_of_lists: BTreeMap<String, Vec<bool>>; take_set: BTreeSet<u8>; take_set_of_texts: BTreeSet<String>;
    take_short: i16; take_value: Value; take_object: Map<String, Value>; take_box: Box<str>; take_arc: Arc<str>; take_cow: Cow<'static, str>;
    take_order: Purchase; take_orders: Vec<Purchase>; take_option_order: Option<Purchase>; take_closed: Closed; take_defaults: Defaults;
    take_flat: Flat; take_sort: Sort; take_sorts: Vec<Sort>; take_option_sort: Option<Sort>; take_documented: Documented;
    take_payment: Payment; take_adjacent: Adjacent; take_shape: Shape; take_either: Either; take_tree: Tree; take_bounded: Bounded;
    take_newtype: Newtype; take_transparent: Transparent; take_unit: (); take_nested: Option<Vec<Option<Closed>>>; take_result: Renamed;
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
struct Purchase {
    order_id: String,
    lines: Vec<PurchaseLine>,
    note: Option<String>,
    #[serde(default)]
    gift: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
struct PurchaseLine {
    units: u32,
    price: f64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(deny_unknown_fields)]
struct Closed {
    id: u64,
    tag: Option<Sort>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(default)]
struct Defaults {
    page: u32,
    tags: Vec<String>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { page: 1, tags: vec!["all".to_owned()] }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
struct Flat {
    #[serde(flatten)]
    line: PurchaseLine,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(rename_all = "snake_case")]
enum Sort {
    Newest,
    BestMatch,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
enum Documented {
    /// The first.
    First,
    /// The second.
    Second,
    Third,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(tag = "type", rename_all = "snake_case")]
enum Payment {
    Card { number: String, cents: u32 },
    BankTransfer { iban: String },
    Cash,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Number(i32),
    Text(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
enum Shape {
    Point,
    Circle(f64),
    Square { side: f64 },
    Line(u8, u8),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(untagged)]
enum Either {
    Number(i64),
    Flag(bool),
    Line(PurchaseLine),
    Texts(Vec<String>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
struct Tree {
    value: u8,
    #[serde(default)]
    kids: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
struct Bounded {
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
    #[schemars(length(min = 2, max = 8))]
    author: Option<String>,
    #[schemars(regex(pattern = "^[a-z]+$"))]
    slug: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
struct Newtype(Vec<PurchaseLine>);

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(transparent)]
struct Transparent {
    inner: Option<u8>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "platools::schemars")]
#[serde(rename_all = "camelCase")]
struct Renamed {
    first_name: String,
    #[serde(rename = "Nr")]
    number: i16,
}
