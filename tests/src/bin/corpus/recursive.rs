//! Tools whose arguments have recursive types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::echoes;

/// A folder with folders.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Tree {
    name: String,
    #[serde(default)]
    children: Vec<Tree>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Chain {
    value: u8,
    next: Option<Box<Chain>>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Expression {
    Number { value: f64 },
    Add { left: Box<Expression>, right: Box<Expression> },
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum Json {
    Null,
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Author {
    name: String,
    books: Vec<Book>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Book {
    title: String,
    by: Option<Box<Author>>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Library {
    first: Author,
    all: Vec<Book>,
}

echoes! {
    a_tree: Tree, {"name": "a", "children": [{"name": "b", "children": []}]};
    a_chain: Chain, {"value": 1, "next": {"value": 2, "next": null}};
    an_expression: Expression, {"op": "add", "left": {"op": "number", "value": 1.5}, "right": {"op": "number", "value": 2.5}};
    any_json: Json, {"a": [1.5, null, {"b": "c"}]};
    an_author: Author, {"name": "a", "books": [{"title": "b", "by": {"name": "c", "books": []}}]};
    a_library: Library, {"first": {"name": "a", "books": []}, "all": [{"title": "b", "by": null}]};
    maybe_a_tree: Option<Tree>, null;
    a_map_of_trees: BTreeMap<String, Tree>, {"a": {"name": "b", "children": []}};
}
