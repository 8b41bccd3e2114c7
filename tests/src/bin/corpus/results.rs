//! Tools whose results are not objects, or have a schema of several objects.

use std::collections::BTreeMap;

use platools::{tool, tools};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::case::{Case, Corpus};

#[derive(Debug, Serialize, JsonSchema)]
struct Found {
    id: u64,
    label: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    Found(Found),
    Missing { reason: String },
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    id: u64,
    #[serde(flatten)]
    outcome: Outcome,
    children: Vec<Row>,
}

/// Return numbers that floats cannot tell from their neighbours.
#[derive(Debug, Serialize, JsonSchema)]
struct Large {
    id: u64,
    wide: i128,
}

macro_rules! results {
    ($($name:ident: $type:ty = $value:expr, $json:tt, $structured:literal;)*) => {
        $(
            /// Return a value.
            #[tool]
            async fn $name() -> $type {
                $value
            }
        )*

        pub(crate) fn corpus() -> Corpus {
            let cases = vec![$(Case {
                tool: stringify!($name),
                arguments: json!({}),
                result: json!($json),
                structured: $structured,
                ..Case::default()
            }),*];
            Corpus { tools: tools![$($name),*], cases }
        }
    };
}

results! {
    return_nothing: () = (), null, false;
    return_text: String = "two\nlines".to_owned(), "two\nlines", false;
    return_static_text: &'static str = "a", "a", false;
    return_number: f64 = 1.5, 1.5, false;
    return_bool: bool = true, true, false;
    return_list: Vec<Found> = vec![Found { id: 1, label: None }], [{"id": 1, "label": null}], false;
    return_tuple: (u8, String) = (1, "a".to_owned()), [1, "a"], false;
    return_object: Found = Found { id: 1, label: Some("a".to_owned()) }, {"id": 1, "label": "a"}, true;
    return_fallible: Result<Found, std::io::Error> = Ok(Found { id: 1, label: None }), {"id": 1, "label": null}, true;
    return_map: BTreeMap<String, Found> = BTreeMap::from([("a".to_owned(), Found { id: 1, label: None })]), {"a": {"id": 1, "label": null}}, true;
    return_option: Option<Found> = Some(Found { id: 1, label: None }), {"id": 1, "label": null}, false;
    return_none: Option<Found> = None, null, false;
    return_anything: Value = json!({"a": [1]}), {"a": [1]}, false;
    return_tagged: Outcome = Outcome::Missing { reason: "gone".to_owned() }, {"outcome": "missing", "reason": "gone"}, false;
    return_tagged_newtype: Outcome = Outcome::Found(Found { id: 1, label: None }), {"outcome": "found", "id": 1, "label": null}, false;
    return_rows: Row = Row { id: 1, outcome: Outcome::Missing { reason: "gone".to_owned() }, children: Vec::new() },
        {"id": 1, "outcome": "missing", "reason": "gone", "children": []}, true;
    return_large: Large = Large { id: u64::MAX, wide: i128::from(i64::MIN) },
        {"id": (u64::MAX), "wide": (i64::MIN)}, true;
}
