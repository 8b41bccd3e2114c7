//! [`values_for`]: makes arguments for a schema: valid ones, and others with the mistakes that models make.

use serde_json::{Map, Value, json};

use super::random::Random;

/// Arguments for a schema. Some of them fit.
pub(super) fn values_for(random: &mut Random, schema: &Value, count: usize) -> Vec<Value> {
    (0..count)
        .map(|_| {
            let mut value = Sample { random, root: schema }.of(schema, 6);
            for _ in 0..random.below(3) {
                mistake(random, &mut value, 0);
            }
            // The arguments as a whole are an object: everything else is refused before.
            if value.is_object() { value } else { json!({ "x": value }) }
        })
        .collect()
}

struct Sample<'a, 'b> {
    random: &'b mut Random,
    root: &'a Value,
}

impl<'a> Sample<'a, '_> {
    /// A value that fits a schema, as far as its keywords are looked at here.
    fn of(&mut self, schema: &'a Value, depth: usize) -> Value {
        let Some(keywords) = schema.as_object() else { return garbage(self.random) };
        if let Some(Value::String(reference)) = keywords.get("$ref") {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return if depth == 0 { Value::Null } else { self.of(target.expect("a definition"), depth - 1) };
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if let Some(Value::Array(branches)) = keywords.get(keyword) {
                let branch = self.random.pick(branches);
                return self.of(branch, depth.saturating_sub(1));
            }
        }
        if let Some(Value::Array(options)) = keywords.get("enum") {
            return self.random.pick(options).clone();
        }
        if let Some(value) = keywords.get("const") {
            return value.clone();
        }
        self.typed(keywords, depth)
    }

    fn typed(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Value {
        let json_type = match keywords.get("type") {
            Some(Value::Array(types)) => self.random.pick(types).as_str(),
            other => other.and_then(Value::as_str),
        };
        match json_type {
            Some("object") => self.object(keywords, depth),
            Some("array") => self.array(keywords, depth),
            Some("integer") => (*self.random.pick(&[1, 7, 42, 100, 0, -3, 300])).into(),
            Some("number") => self.random.pick(&[json!(1.5), json!(3), json!(0.5), json!(30.0)]).clone(),
            Some("boolean") => self.random.percent(50).into(),
            Some("string") => {
                (*self.random.pick(&["a", "abc-12", "2025-01-31T09:30:00Z", "hello world", "7", "null"])).into()
            }
            Some("null") => Value::Null,
            _ => garbage(self.random),
        }
    }

    fn object(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Value {
        let mut object = Map::new();
        let required = keywords.get("required").and_then(Value::as_array);
        if let Some(Value::Object(properties)) = keywords.get("properties") {
            for (name, schema) in properties {
                let is_required = required.is_some_and(|required| required.contains(&json!(name)));
                if is_required || (depth > 0 && self.random.percent(60)) {
                    object.insert(name.clone(), self.of(schema, depth.saturating_sub(1)));
                }
            }
        }
        if let Some(others @ Value::Object(_)) = keywords.get("additionalProperties") {
            for name in ["left", "right"] {
                if self.random.percent(40) && depth > 0 {
                    object.insert(name.to_owned(), self.of(others, depth - 1));
                }
            }
        }
        if let Some(Value::Object(patterns)) = keywords.get("patternProperties")
            && let Some((pattern, schema)) = patterns.iter().next()
        {
            let name = if pattern.starts_with("^x") { "x-1" } else { "5" };
            object.insert(name.to_owned(), self.of(schema, depth.saturating_sub(1)));
        }
        object.into()
    }

    fn array(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Value {
        let schemas = keywords.get("prefixItems").or_else(|| keywords.get("items"));
        if let Some(Value::Array(schemas)) = schemas {
            return schemas.iter().map(|schema| self.of(schema, depth.saturating_sub(1))).collect();
        }
        let least = keywords.get("minItems").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok());
        let length = least.unwrap_or_else(|| self.random.below(3));
        (0..length).map(|_| schemas.map_or(json!(1), |schema| self.of(schema, depth.saturating_sub(1)))).collect()
    }
}

fn garbage(random: &mut Random) -> Value {
    let values = [
        json!(null),
        json!(""),
        json!("null"),
        json!("None"),
        json!("undefined"),
        json!("[object Object]"),
        json!("NaN"),
        json!("1,234"),
        json!("5 "),
        json!("a, b"),
        json!("['a', 'b']"),
        json!("```json\n[1, 2]\n```"),
        json!("[1, 2"),
        json!("{\"x\": 1}"),
        json!({}),
        json!([]),
        json!([[]]),
        json!({"0": "a", "1": "b"}),
        json!({"item": ["a"]}),
        json!(-0.0),
        json!(1e300),
        json!(9_007_199_254_740_993_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(true),
        json!("True"),
        json!("\u{0}"),
        json!("\u{feff}7"),
        json!("x".repeat(200)),
        json!("naïve – 東京"),
        json!("\"quoted\""),
        json!("\"[1]\""),
    ];
    random.pick(&values).clone()
}

/// Makes one mistake somewhere in a value.
fn mistake(random: &mut Random, value: &mut Value, depth: usize) {
    let stays = depth > 0 && random.percent(45);
    match value {
        Value::Object(members) if !members.is_empty() && !stays => {
            if random.percent(25) {
                return mistake_of_names(random, members);
            }
            let at = random.below(members.len());
            let member = members.values_mut().nth(at).expect("there are so many");
            mistake(random, member, depth + 1);
        }
        Value::Array(items) if !items.is_empty() && !stays => {
            let at = random.below(items.len());
            mistake(random, &mut items[at], depth + 1);
        }
        _ => *value = mistaken(random, value),
    }
}

fn mistake_of_names(random: &mut Random, members: &mut Map<String, Value>) {
    let at = random.below(members.len());
    let name = members.keys().nth(at).expect("there are so many").clone();
    let value = members.get(&name).cloned().unwrap_or_default();
    match random.below(5) {
        0 => drop(members.shift_remove(&name)),
        1 => drop(members.insert("unheard_of".to_owned(), value)),
        2 => drop(members.insert("_trace".to_owned(), value)),
        3 => {
            members.shift_remove(&name);
            members.insert(name.replace('_', "").to_uppercase(), value);
        }
        _ => {
            members.shift_remove(&name);
            let shorter: String = name.chars().skip(1).collect();
            members.insert(shorter, value);
        }
    }
}

fn mistaken(random: &mut Random, value: &Value) -> Value {
    match (random.below(12), value) {
        (0..=2, value) => json!(value.to_string()),
        (3, value) => json!(json!(value.to_string()).to_string()),
        (4, Value::Number(number)) => {
            number.as_f64().filter(|number| number.abs() < 1e15).map_or(json!(2.0), Value::from)
        }
        (4 | 5, Value::String(text)) => json!(text.to_uppercase()),
        (5, Value::Array(items)) => items.first().cloned().unwrap_or_default(),
        (5 | 6, Value::Bool(value)) => json!(if *value { "True" } else { "False" }),
        (6, value) => json!([value]),
        (7, value) => json!({ "item": [value] }),
        (8, Value::String(text)) => json!(format!(" {} ", text.replace('_', " "))),
        _ => garbage(random),
    }
}
