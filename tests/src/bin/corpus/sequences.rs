//! Tools whose arguments are lists, tuples, sets, options, or maps with every kind of key.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::case::echoes;

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Side {
    LeftHand,
    RightHand,
}

/// A key of its own type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
struct Sku(String);

echoes! {
    a_list: Vec<String>, ["a", "b"];
    an_empty_list: Vec<u32>, [];
    bytes_of_a_list: Vec<u8>, [0, 255];
    a_matrix: Vec<Vec<f64>>, [[1.5, 2.5], []];
    a_deque: VecDeque<bool>, [true];
    a_linked_list: LinkedList<char>, ["a"];
    a_heap: BinaryHeap<u8>, [1];
    a_boxed_slice: Box<[u16]>, [1, 2];
    a_shared_list: Arc<[u16]>, [1, 2];
    a_set: BTreeSet<String>, ["a", "b"];
    a_hash_set: HashSet<u32>, [7];
    a_set_of_choices: BTreeSet<Side>, ["left-hand", "right-hand"];
    an_array: [u8; 4], [1, 2, 3, 4];
    an_empty_array: [u8; 0], [];
    an_array_of_arrays: [[f64; 2]; 2], [[1.5, 2.5], [3.5, 4.5]];
    a_tuple_of_one: (u8,), [1];
    a_pair: (u8, String), [1, "a"];
    a_pair_of_same: (f64, f64), [1.5, 2.5];
    a_tuple: (u8, String, Option<bool>, Point, Vec<Side>), [1, "a", null, {"x": 1.5, "y": 2.5}, ["left-hand"]];
    some_pairs: Vec<(String, f64)>, [["a", 1.5], ["b", 2.5]];
    a_pair_in_a_pair: ((u8, bool), Option<(String, Sku)>), [[1, true], ["a", "b"]];
    some_points: Vec<Point>, [{"x": 1.5, "y": 2.5}];
    a_shared_point: Arc<Point>, {"x": 1.5, "y": 2.5};
    a_map: BTreeMap<String, Point>, {"a": {"x": 1.5, "y": 2.5}};
    a_map_by_number: BTreeMap<u32, String>, {"7": "a"};
    a_map_by_signed: BTreeMap<i64, String>, {"-7": "a"};
    a_map_by_choice: HashMap<Side, u8>, {"left-hand": 1};
    a_map_by_uuid: HashMap<Uuid, u8>, {"67e55044-10b1-426f-9247-bb680e5fe0c8": 1};
    a_map_by_bool: BTreeMap<bool, u8>, {"true": 1};
    a_map_by_char: BTreeMap<char, u8>, {"a": 1};
    a_map_by_newtype: BTreeMap<Sku, u8>, {"a-1": 1};
    a_map_of_lists: BTreeMap<String, Vec<Option<u8>>>, {"a": [1, null]};
    a_map_of_maps: BTreeMap<String, BTreeMap<u8, Side>>, {"a": {"1": "left-hand"}};
    maybe_a_number: Option<u32>, 7;
    maybe_no_number: Option<u32>, null;
    maybe_maybe: Option<Option<u32>>, 7;
    maybe_a_bool: Option<bool>, false;
    maybe_a_point: Option<Point>, {"x": 1.5, "y": 2.5};
    maybe_a_choice: Option<Side>, "right-hand";
    maybe_a_list: Option<Vec<Option<Side>>>, ["left-hand", null];
    maybe_a_map: Option<BTreeMap<String, Option<Point>>>, {"a": null};
    maybe_a_tuple: Option<(u8, String)>, [1, "a"];
    some_maybe_points: Vec<Option<Point>>, [null, {"x": 1.5, "y": 2.5}];
}
