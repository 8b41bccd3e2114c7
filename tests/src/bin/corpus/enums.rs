//! Tools whose arguments are enums, in each of serde's representations.

use std::collections::BTreeMap;

use schemars::{JsonSchema, JsonSchema_repr};
use serde::{Deserialize, Serialize};
use serde_repr::{Deserialize_repr, Serialize_repr};

use crate::case::echoes;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Plain {
    One,
    Two,
}

/// Order of a list.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Documented {
    /// The newest first.
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Mixed {
    /// With a word about it.
    Told,
    Untold,
    Silent,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Aliased {
    #[serde(rename = "a b/c", alias = "abc")]
    Strange,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Only {
    One,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum External {
    /// Nothing more.
    Point,
    Circle(f64),
    Line(f64, f64),
    Box {
        width: f64,
        height: Option<f64>,
    },
    Named(BTreeMap<String, u8>),
    Sorted(Mixed),
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Internal {
    Empty,
    /// Some of them.
    Counted {
        count: u8,
    },
    Wrapped(Wrapped),
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Wrapped {
    of: Documented,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Empty,
    Number(u8),
    Pair(u8, String),
    Object { a: u8 },
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<u8>),
    Object { a: u8 },
    Nothing,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", deny_unknown_fields)]
enum ClosedInternal {
    A { a: u8 },
    B { b: String },
}

#[derive(Debug, Deserialize_repr, Serialize_repr, JsonSchema_repr)]
#[repr(u8)]
enum Priority {
    Low = 1,
    High = 9,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Holder {
    #[serde(default = "plain")]
    plain: Plain,
    documented: Option<Documented>,
    mixed: Vec<Mixed>,
    external: Option<External>,
    priority: Priority,
}

fn plain() -> Plain {
    Plain::One
}

echoes! {
    a_plain: Plain, "Two";
    a_documented: Documented, "OLDEST_FIRST";
    a_mixed: Mixed, "Silent";
    a_mixed_told: Mixed, "Told";
    an_aliased: Aliased, "a b/c";
    an_only: Only, "One";
    some_mixed: Vec<Mixed>, ["Told", "Untold"];
    maybe_mixed: Option<Mixed>, "Untold";
    maybe_documented: Option<Documented>, null;
    an_external_unit: External, "Point";
    an_external_newtype: External, {"Circle": 1.5};
    an_external_tuple: External, {"Line": [1.5, 2.5]};
    an_external_struct: External, {"Box": {"width": 1.5, "height": null}};
    an_external_map: External, {"Named": {"a": 1}};
    an_external_enum: External, {"Sorted": "Silent"};
    some_externals: Vec<External>, ["Point", {"Circle": 1.5}];
    an_internal_unit: Internal, {"type": "empty"};
    an_internal_struct: Internal, {"type": "counted", "count": 1};
    an_internal_newtype: Internal, {"type": "wrapped", "of": "NEWEST_FIRST"};
    an_adjacent_unit: Adjacent, {"t": "Empty"};
    an_adjacent_newtype: Adjacent, {"t": "Number", "c": 1};
    an_adjacent_tuple: Adjacent, {"t": "Pair", "c": [1, "a"]};
    an_adjacent_struct: Adjacent, {"t": "Object", "c": {"a": 1}};
    an_untagged_number: Untagged, 7;
    an_untagged_text: Untagged, "a";
    an_untagged_list: Untagged, [1];
    an_untagged_object: Untagged, {"a": 1};
    an_untagged_nothing: Untagged, null;
    a_closed_internal: ClosedInternal, {"type": "B", "b": "x"};
    a_priority: Priority, 9;
    maybe_a_priority: Option<Priority>, 1;
    a_holder: Holder, {"mixed": ["Told"], "priority": 1}
        => {"plain": "One", "documented": null, "mixed": ["Told"], "external": null, "priority": 1};
}
