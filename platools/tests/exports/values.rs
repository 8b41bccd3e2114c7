//! [`Values`]: makes random values that fit a schema.

use fastrand::Rng;
use serde_json::{Map, Number, Value, json};

/// Deeper values are as small as the schema allows.
const DEEP: usize = 5;

/// Generates values for the schemas of one document. Not every value fits: the caller checks and tries again.
pub(crate) struct Values<'a> {
    root: &'a Value,
    rng: Rng,
    /// Schemas that are left to generate for one value: a recursive type may have no small value.
    fuel: usize,
}

impl<'a> Values<'a> {
    pub(crate) fn new(root: &'a Value, seed: u64) -> Self {
        Self { root, rng: Rng::with_seed(seed), fuel: 0 }
    }

    /// A value that fits the document.
    pub(crate) fn fitting(&mut self) -> Option<Value> {
        (0..40).find_map(|_| {
            self.fuel = 2_000;
            let root = self.root;
            self.of(root, 0).filter(|value| jsonschema::is_valid(root, value))
        })
    }

    fn of(&mut self, schema: &'a Value, depth: usize) -> Option<Value> {
        self.fuel = self.fuel.checked_sub(1)?;
        let node = match schema {
            Value::Bool(true) => return Some(self.anything()),
            Value::Object(node) => node,
            _ => return None,
        };
        if let Some(value) = node.get("const") {
            return Some(value.clone());
        }
        if let Some(values) = node.get("enum").and_then(Value::as_array) {
            return self.rng.choice(values).cloned();
        }
        let mut parts = Vec::new();
        let own = node.contains_key("type") || node.contains_key("properties") || node.contains_key("items");
        if let Some(target) = node.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(target.strip_prefix('#')?)?;
            parts.push(self.of(target, depth)?);
        }
        for part in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            parts.push(self.of(part, depth)?);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = node.get(keyword).and_then(Value::as_array) {
                parts.push(self.branch(branches, depth)?);
            }
        }
        if own || parts.is_empty() {
            parts.insert(0, self.typed(node, depth)?);
        }
        Some(merged(parts))
    }

    fn branch(&mut self, branches: &'a [Value], depth: usize) -> Option<Value> {
        let mut order: Vec<_> = branches.iter().collect();
        if depth < DEEP {
            self.rng.shuffle(&mut order);
        } else {
            order.sort_by_key(|branch| branch.to_string().len());
        }
        order.into_iter().find_map(|branch| self.of(branch, depth))
    }

    fn typed(&mut self, node: &'a Map<String, Value>, depth: usize) -> Option<Value> {
        let kind = match node.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => self.rng.choice(kinds)?.as_str()?,
            _ if node.contains_key("properties") || node.contains_key("required") => "object",
            _ if node.contains_key("items") || node.contains_key("prefixItems") => "array",
            _ if node.contains_key("minLength") || node.contains_key("pattern") => "string",
            _ if node.contains_key("minimum") => "integer",
            _ => return Some(self.anything()),
        };
        match kind {
            "null" => Some(Value::Null),
            "boolean" => Some(self.rng.bool().into()),
            "integer" => Some(self.integer(node)),
            "number" => Some(self.number(node)),
            "string" => Some(self.string(node).into()),
            "array" => self.array(node, depth),
            _ => self.object(node, depth),
        }
    }

    fn anything(&mut self) -> Value {
        let some = [json!("text"), json!(7), json!(true), json!({}), json!([1, "a"]), json!({"k": 1.5}), json!("null")];
        self.rng.choice(some).expect("there is one")
    }

    fn integer(&mut self, node: &Map<String, Value>) -> Value {
        let (min, max) = self.bounds(node);
        let step = node.get("multipleOf").and_then(Value::as_i64).unwrap_or(1).max(1);
        let (min, max) = (whole(min.ceil()), whole(max.floor()));
        let near = self.rng.i64(min..=max.max(min)) / step * step;
        let value = match self.rng.u8(0..8) {
            0 => min,
            1 => max,
            _ => near,
        };
        // Models write whole numbers with a fraction, too.
        if self.rng.u8(0..10) == 0 { json!(value as f64) } else { value.into() }
    }

    fn number(&mut self, node: &Map<String, Value>) -> Value {
        let (min, max) = self.bounds(node);
        if let Some(step) = node.get("multipleOf").and_then(Value::as_f64) {
            return json!((min / step).ceil() * step);
        }
        let value = (max - min).mul_add(self.rng.f64(), min);
        Number::from_f64((value * 8.0).round() / 8.0).map_or(Value::Null, Value::Number)
    }

    fn bounds(&mut self, node: &Map<String, Value>) -> (f64, f64) {
        let bound = |keyword: &str| node.get(keyword).and_then(Value::as_f64);
        let wide = if self.rng.u8(0..6) == 0 { WIDE } else { 100.0 };
        let min = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|min| min + 1.0));
        let max = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|max| max - 1.0));
        match (min, max) {
            (Some(min), Some(max)) => (min, max.max(min)),
            (Some(min), None) => (min, min + wide),
            (None, Some(max)) => (max - wide, max),
            (None, None) => (-wide, wide),
        }
    }

    fn string(&mut self, node: &Map<String, Value>) -> String {
        let of = |keyword: &str| node.get(keyword).and_then(Value::as_str);
        if let Some(known) = of("pattern").and_then(matching) {
            return known.to_owned();
        }
        if let Some(known) = of("format").and_then(formatted) {
            return known.to_owned();
        }
        let min = count(node, "minLength").unwrap_or(0);
        let max = count(node, "maxLength").unwrap_or(min + 12);
        if min <= 2 && max >= 5 && self.rng.u8(0..4) == 0 {
            // Text that looks like something else stays text.
            return self.rng.choice(["42", "true", "[1]", "null", "{}", "4.50"]).expect("there is one").to_owned();
        }
        let letters = ['a', 'Z', '0', '_', ' ', '"', '\\', 'ü', '東', '\n'];
        (0..self.rng.usize(min..=max.max(min))).filter_map(|_| self.rng.choice(letters)).collect()
    }

    fn array(&mut self, node: &'a Map<String, Value>, depth: usize) -> Option<Value> {
        let positions = node.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let min = count(node, "minItems").unwrap_or(0);
        let most = if depth < DEEP { min.max(positions.len()) + 3 } else { min };
        let max = count(node, "maxItems").unwrap_or(most).min(most).max(min);
        let mut items = Vec::new();
        for at in 0..self.rng.usize(min..=max) {
            match positions.get(at).or_else(|| node.get("items")) {
                Some(schema) => items.push(self.of(schema, depth + 1)?),
                None => items.push(self.anything()),
            }
        }
        Some(items.into())
    }

    fn object(&mut self, node: &'a Map<String, Value>, depth: usize) -> Option<Value> {
        let mut members = Map::new();
        let required: Vec<_> = node.get("required").and_then(Value::as_array).into_iter().flatten().collect();
        for (name, schema) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if required.iter().any(|needed| *needed == name) {
                members.insert(name.clone(), self.of(schema, depth + 1)?);
            } else if depth < DEEP && self.rng.u8(0..10) < 6 {
                members.extend(self.of(schema, depth + 1).map(|value| (name.clone(), value)));
            }
        }
        let least = count(node, "minProperties").unwrap_or(0);
        let is_map = !node.contains_key("properties");
        for at in 0..3 {
            if members.len() < least || is_map && depth < DEEP && self.rng.bool() {
                let (key, schema) = self.further(node, at);
                let value = match schema {
                    Some(schema) => self.of(schema, depth + 1)?,
                    None => self.anything(),
                };
                members.insert(key, value);
            }
        }
        Some(Value::Object(members))
    }

    /// A key that is not known by name, and the schema of its value.
    fn further(&mut self, node: &'a Map<String, Value>, at: usize) -> (String, Option<&'a Value>) {
        let patterns = node.get("patternProperties").and_then(Value::as_object);
        let by_pattern = patterns.and_then(|patterns| patterns.iter().next());
        match by_pattern.and_then(|(pattern, schema)| Some((matching(pattern)?, schema))) {
            Some((key, schema)) => (key.to_owned(), Some(schema)),
            None => (
                format!("{}{at}", self.rng.choice(["k", "7", "on"]).expect("there is one")),
                node.get("additionalProperties"),
            ),
        }
    }
}

/// The largest whole number up to which floats have all of them.
const WIDE: f64 = 9_007_199_254_740_992.0;

#[expect(clippy::cast_possible_truncation, reason = "the bounds of the schemas are small")]
fn whole(number: f64) -> i64 {
    number as i64
}

fn count(node: &Map<String, Value>, keyword: &str) -> Option<usize> {
    node.get(keyword).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
}

/// One object of several; otherwise the last value says most.
fn merged(mut parts: Vec<Value>) -> Value {
    if parts.len() > 1 && parts.iter().all(Value::is_object) {
        let members = parts.into_iter().filter_map(|part| match part {
            Value::Object(members) => Some(members),
            _ => None,
        });
        return Value::Object(members.flatten().collect());
    }
    parts.pop().unwrap_or_default()
}

/// A text for each of the patterns that occur.
fn matching(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        "^[a-z]+$" => "abc",
        "^[A-Z]{3}-[0-9]+$" => "ABC-12",
        "^[0-9]+$" => "7",
        "^x-" => "x-one",
        r"^\p{L}+$" => "größe",
        "^(?!no).*$" => "yes",
        _ => return None,
    })
}

fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-02-03T04:05:06Z",
        "date" => "2026-02-03",
        "time" => "04:05:06Z",
        "duration" => "PT5M",
        "email" => "ada@example.com",
        "uuid" => "6f1c1b0e-6a3c-4b59-9c1c-0f5e7a1d2b3c",
        "uri" => "https://example.com/a",
        "ipv4" | "ip" => "192.0.2.1",
        "hostname" => "example.com",
        _ => return None,
    })
}
