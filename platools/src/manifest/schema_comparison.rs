//! [`gaps`]: finds the places where one JSON Schema takes values that another one refuses. It knows the keywords that typed tools use, and
//! counts a difference in any other keyword as a gap.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

/// A place where the narrow schema takes values that the wide schema refuses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gap {
    /// The path of the value, such as `/lines/*/sku`; empty for the whole.
    pub(super) path: String,
    pub(super) keyword: String,
    /// The keyword's value in the narrow schema; null where it is absent.
    pub(super) narrow: Value,
    /// The same in the wide schema.
    pub(super) wide: Value,
}

/// The keyword of a gap about a property as such: true where the schema takes it, false where it takes no other than those that it names.
pub(super) const PROPERTY: &str = "property";

/// The gaps between two schemas; none if every value of `narrow` fits `wide`.
pub(super) fn gaps(narrow: &Value, wide: &Value) -> Vec<Gap> {
    let mut comparison = Comparison { narrow_root: narrow, wide_root: wide, gaps: Vec::new(), seen: HashSet::new() };
    comparison.schemas("", narrow, wide);
    comparison.gaps
}

type Keywords = Map<String, Value>;

struct Comparison<'a> {
    narrow_root: &'a Value,
    wide_root: &'a Value,
    gaps: Vec<Gap>,
    /// The pairs of references that were compared, or are being compared.
    seen: HashSet<(String, String)>,
}

impl Comparison<'_> {
    fn schemas(&mut self, path: &str, narrow: &Value, wide: &Value) {
        if narrow == &Value::Bool(false) || wide == &Value::Bool(true) {
            return;
        }
        if let (Some(narrow), Some(wide)) = (reference(narrow), reference(wide))
            && !self.seen.insert((narrow.to_owned(), wide.to_owned()))
        {
            return;
        }
        let (narrow, wide) = (resolved(self.narrow_root, narrow), resolved(self.wide_root, wide));
        let Some(wide) = wide else {
            return self.gap(path, "false", &Value::Null, &Value::Bool(true));
        };
        let narrow = narrow.unwrap_or_default();
        match (alternatives(&narrow), alternatives(&wide)) {
            (None, None) => self.keywords(path, &narrow, &wide),
            (narrow_parts, wide_parts) => {
                let narrow_parts = narrow_parts.unwrap_or_else(|| vec![Value::Object(narrow)]);
                let wide_parts = wide_parts.unwrap_or_else(|| vec![Value::Object(wide)]);
                self.unions(path, &narrow_parts, &wide_parts);
            }
        }
    }

    /// Each of the narrow alternatives has to fit one of the wide ones.
    fn unions(&mut self, path: &str, narrow: &[Value], wide: &[Value]) {
        for part in narrow {
            let fits = wide.iter().any(|wide| self.is_within(part, wide));
            if !fits && let [wide] = wide {
                self.schemas(path, part, wide);
            } else if !fits {
                self.gap(path, "anyOf", part, &Value::Array(wide.to_vec()));
            }
        }
    }

    fn is_within(&self, narrow: &Value, wide: &Value) -> bool {
        let mut trial = Comparison { gaps: Vec::new(), seen: self.seen.clone(), ..*self };
        trial.schemas("", narrow, wide);
        trial.gaps.is_empty()
    }

    fn keywords(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        self.types(path, narrow, wide);
        self.values(path, narrow, wide);
        self.bounds(path, narrow, wide);
        self.objects(path, narrow, wide);
        self.arrays(path, narrow, wide);
        self.other_keywords(path, narrow, wide);
    }

    fn types(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        let Some(taken) = types(wide) else { return };
        let fits = types(narrow).is_some_and(|types| {
            types.iter().all(|kind| taken.contains(kind) || (*kind == "integer" && taken.contains("number")))
        });
        let listed = values(narrow);
        let values_fit = |values: &[&Value]| values.iter().all(|value| taken.iter().any(|kind| is_of(value, kind)));
        if !fits && !listed.is_some_and(|values| values_fit(&values)) {
            self.keyword(path, "type", narrow, wide);
        }
    }

    /// `enum` and `const`.
    fn values(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        let Some(taken) = values(wide) else { return };
        let keyword = if wide.contains_key("enum") { "enum" } else { "const" };
        if !values(narrow).is_some_and(|values| values.iter().all(|value| taken.contains(value))) {
            self.keyword(path, keyword, narrow, wide);
        }
    }

    fn bounds(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        // The bounds hold for all values that are listed, or the author has listed values that nobody can send.
        if values(narrow).is_some() {
            return;
        }
        for (keyword, exclusive, is_lower) in BOUNDS {
            let Some(limit) = wide.get(keyword).and_then(Value::as_f64) else { continue };
            let own = |keyword: &str| narrow.get(keyword).and_then(Value::as_f64);
            let is_kept = |own: f64| if is_lower { own >= limit } else { own <= limit };
            if !own(keyword).is_some_and(is_kept) && !own(exclusive).is_some_and(is_kept) {
                self.keyword(path, keyword, narrow, wide);
            }
        }
        let step = |keywords: &Keywords| keywords.get("multipleOf").and_then(Value::as_f64);
        if let Some(wide_step) = step(wide)
            && !step(narrow).is_some_and(|narrow_step| narrow_step % wide_step == 0.0)
        {
            self.keyword(path, "multipleOf", narrow, wide);
        }
    }

    fn objects(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        let (own, known) = (object(narrow, "properties"), object(wide, "properties"));
        let others = wide.get("additionalProperties");
        for (name, schema) in own.into_iter().flatten() {
            let path = format!("{path}/{name}");
            match known.and_then(|known| known.get(name)).or(others) {
                Some(Value::Bool(false)) => self.gap(&path, PROPERTY, &Value::Bool(true), &Value::Bool(false)),
                Some(taken) => self.schemas(&path, schema, taken),
                None => {}
            }
        }
        let (given, needed) = (required(narrow), required(wide));
        for name in needed.difference(&given) {
            self.gap(&format!("{path}/{name}"), "required", &Value::Bool(false), &Value::Bool(true));
        }
        match (narrow.get("additionalProperties"), others) {
            (_, None | Some(Value::Bool(true))) | (Some(Value::Bool(false)), _) => {}
            (Some(own), Some(taken @ Value::Object(_))) if own.is_object() => {
                self.schemas(&format!("{path}/*"), own, taken);
            }
            _ => self.keyword(path, "additionalProperties", narrow, wide),
        }
    }

    fn arrays(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        if let Some(taken) = wide.get("items") {
            match narrow.get("items") {
                Some(own) => self.schemas(&format!("{path}/*"), own, taken),
                None if may_be(narrow, "array") && !narrow.contains_key("prefixItems") => {
                    self.keyword(path, "items", narrow, wide);
                }
                None => {}
            }
        }
        let tuple = |keywords: &Keywords| keywords.get("prefixItems").and_then(Value::as_array).cloned();
        if let Some(taken) = tuple(wide) {
            let own = tuple(narrow).unwrap_or_default();
            if own.len() != taken.len() {
                self.keyword(path, "prefixItems", narrow, wide);
            }
            for (index, (own, taken)) in own.iter().zip(&taken).enumerate() {
                self.schemas(&format!("{path}/{index}"), own, taken);
            }
        }
    }

    /// Keywords whose values have to be the same.
    fn other_keywords(&mut self, path: &str, narrow: &Keywords, wide: &Keywords) {
        for keyword in SAME {
            // `uniqueItems` is the one of them that says nothing where it is false.
            let taken = wide.get(keyword).filter(|value| keyword != "uniqueItems" || **value != Value::Bool(false));
            if taken.is_some() && taken != narrow.get(keyword) {
                self.keyword(path, keyword, narrow, wide);
            }
        }
    }

    fn keyword(&mut self, path: &str, keyword: &str, narrow: &Keywords, wide: &Keywords) {
        let value = |keywords: &Keywords| keywords.get(keyword).cloned().unwrap_or_default();
        self.gap(path, keyword, &value(narrow), &value(wide));
    }

    fn gap(&mut self, path: &str, keyword: &str, narrow: &Value, wide: &Value) {
        let (path, keyword) = (path.to_owned(), keyword.to_owned());
        self.gaps.push(Gap { path, keyword, narrow: narrow.clone(), wide: wide.clone() });
    }
}

/// A bound, the exclusive form of it that is as good, and whether it is a lower one.
const BOUNDS: [(&str, &str, bool); 10] = [
    ("minimum", "exclusiveMinimum", true),
    ("exclusiveMinimum", "exclusiveMinimum", true),
    ("maximum", "exclusiveMaximum", false),
    ("exclusiveMaximum", "exclusiveMaximum", false),
    ("minLength", "minLength", true),
    ("maxLength", "maxLength", false),
    ("minItems", "minItems", true),
    ("maxItems", "maxItems", false),
    ("minProperties", "minProperties", true),
    ("maxProperties", "maxProperties", false),
];

/// Keywords that narrow a schema and are compared as they are.
const SAME: [&str; 17] = [
    "pattern",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "uniqueItems",
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "contains",
    "propertyNames",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];

/// The keywords of a schema with its references followed; `None` for the schema that takes nothing.
fn resolved(root: &Value, schema: &Value) -> Option<Keywords> {
    let mut keywords = match schema {
        Value::Bool(false) => return None,
        Value::Object(keywords) => keywords.clone(),
        _ => Keywords::new(),
    };
    // A chain of references that ends nowhere is a mistake of the schema, and is not followed for ever.
    for _ in 0..MAX_REFERENCES {
        let Some(Value::String(target)) = keywords.shift_remove("$ref") else { break };
        let Some(Value::Object(target)) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else {
            break;
        };
        for (keyword, value) in target {
            keywords.entry(keyword.clone()).or_insert_with(|| value.clone());
        }
    }
    Some(keywords)
}

const MAX_REFERENCES: usize = 32;

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()
}

/// The alternatives of a union, each with the keywords beside the union.
fn alternatives(keywords: &Keywords) -> Option<Vec<Value>> {
    let union = ["anyOf", "oneOf"].into_iter().find(|union| keywords.contains_key(*union))?;
    let parts = keywords[union].as_array()?;
    let beside = keywords.iter().filter(|(keyword, _)| *keyword != union);
    let beside: Keywords = beside.map(|(keyword, value)| (keyword.clone(), value.clone())).collect();
    let with_beside = |part: &Value| match part {
        Value::Object(part) => {
            let mut whole = beside.clone();
            whole.extend(part.clone());
            Value::Object(whole)
        }
        other => other.clone(),
    };
    Some(parts.iter().map(with_beside).collect())
}

/// The types of a schema; `None` where it takes all.
fn types(keywords: &Keywords) -> Option<BTreeSet<&str>> {
    match keywords.get("type")? {
        Value::String(kind) => Some(BTreeSet::from([kind.as_str()])),
        Value::Array(kinds) => Some(kinds.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn may_be(keywords: &Keywords, kind: &str) -> bool {
    types(keywords).is_none_or(|types| types.contains(kind))
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// The values that a schema lists; `None` where it lists none.
fn values(keywords: &Keywords) -> Option<Vec<&Value>> {
    match (keywords.get("const"), keywords.get("enum")) {
        (Some(value), _) => Some(vec![value]),
        (None, Some(Value::Array(values))) => Some(values.iter().collect()),
        _ => None,
    }
}

fn object<'a>(keywords: &'a Keywords, keyword: &str) -> Option<&'a Keywords> {
    keywords.get(keyword)?.as_object()
}

fn required(keywords: &Keywords) -> BTreeSet<&str> {
    let names = keywords.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}
