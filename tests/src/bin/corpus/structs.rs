//! Tools whose arguments are structs, in every form that serde has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::echoes;

/// Where something is.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Address {
    /// The street with its number.
    street: String,
    /// Empty where there is none.
    #[serde(default)]
    city: String,
    zip: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Person {
    first_name: String,
    #[serde(rename = "alter-ego", alias = "alterEgo", skip_serializing_if = "Option::is_none")]
    alter_ego: Option<String>,
    /// Where they live.
    home: Address,
    /// Where they work.
    work: Option<Address>,
    r#type: String,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    address: Address,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct FlatMaybe {
    id: u32,
    #[serde(flatten)]
    address: Option<Address>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct FlatMap {
    id: u32,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct FlatTypedMap {
    id: u32,
    #[serde(flatten)]
    others: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Payment {
    /// By card.
    Card {
        last_digits: String,
    },
    Cash,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct FlatEnum {
    id: u32,
    #[serde(flatten)]
    payment: Payment,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct TwiceFlat {
    #[serde(flatten)]
    person: Flat,
    #[serde(flatten)]
    payment: Payment,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Closed {
    a: u8,
    #[serde(default = "seven")]
    b: u8,
}

fn seven() -> u8 {
    7
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Settings {
    retries: u32,
    verbose: bool,
    inner: Inner,
    tags: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Inner {
    ratio: f64,
    name: Option<String>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { ratio: 0.5, name: None }
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Meters(f64);

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
struct Name {
    text: String,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Pair(u8, String);

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Nothing;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Hidden {
    shown: u8,
    #[serde(skip)]
    _hidden: u8,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    sparse: Vec<u8>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[schemars(title = "Review", extend("x-order" = 3))]
struct Limited {
    #[schemars(range(min = 1, max = 5), extend("x-unit" = "stars"))]
    stars: u8,
    #[schemars(length(min = 1, max = 20), regex(pattern = r"^[\w-]+$"), example = &"a-1")]
    code: String,
    #[schemars(email)]
    email: String,
    #[schemars(url)]
    link: Option<String>,
    #[schemars(inner(length(max = 3)), length(max = 4))]
    tags: Vec<String>,
    #[deprecated]
    #[serde(default)]
    old: u8,
}

echoes! {
    an_address: Address, {"street": "Main 1"} => {"street": "Main 1", "city": "", "zip": null};
    a_person: Person, {"firstName": "Ann", "home": {"street": "Main 1", "city": "Y", "zip": "1"}, "type": "t"}
        => {"firstName": "Ann", "home": {"street": "Main 1", "city": "Y", "zip": "1"}, "work": null, "type": "t"};
    a_flat: Flat, {"id": 1, "street": "Main 1", "city": "Y", "zip": null};
    a_flat_option: FlatMaybe, {"id": 1, "street": "Main 1", "city": "Y", "zip": null};
    a_flat_map: FlatMap, {"id": 1, "a": "b", "c": [1]};
    a_flat_typed_map: FlatTypedMap, {"id": 1, "a": 2};
    a_flat_enum: FlatEnum, {"id": 1, "kind": "card", "last_digits": "42"};
    a_flat_unit: FlatEnum, {"id": 1, "kind": "cash"};
    a_twice_flat: TwiceFlat, {"id": 1, "street": "Main 1", "city": "Y", "zip": null, "kind": "cash"};
    a_closed: Closed, {"a": 1} => {"a": 1, "b": 7};
    some_settings: Settings, {"retries": 2} => {"retries": 2, "verbose": false, "inner": {"ratio": 0.5, "name": null}, "tags": []};
    a_newtype: Meters, 1.5;
    a_transparent: Name, "a";
    a_tuple_struct: Pair, [1, "a"];
    a_unit_struct: Nothing, null;
    an_empty_struct: Empty, {};
    a_page: Page<Address>, {"items": [{"street": "S", "city": "Y", "zip": null}], "next": null};
    a_page_of_pages: Page<Page<u8>>, {"items": [{"items": [1], "next": "a"}], "next": null};
    a_hidden: Hidden, {"shown": 1};
    a_limited: Limited, {"stars": 5, "code": "a-1", "email": "a@example.com", "link": "https://example.com/", "tags": ["abc"], "old": 0};
}
