//! [`schema`]: makes random schemas like those that the SDKs of every language write.

use serde_json::{Map, Value, json};

use super::random::Random;

const NAMES: [&str; 12] = [
    "order_id",
    "customerName",
    "limit",
    "tags",
    "filter",
    "kind",
    "is_active",
    "note",
    "page_size",
    "when",
    "Items",
    "x",
];

/// The schema of a tool's arguments.
pub(super) fn schema(random: &mut Random) -> Value {
    let mut author = Author { random, definitions: "$defs", is_older: false };
    author.is_older = author.random.percent(25);
    if author.is_older && author.random.percent(60) {
        author.definitions = "definitions";
    }
    let mut root = author.object(3);
    let mut definitions = Map::new();
    for name in ["Node", "Line", "Sort"] {
        definitions.insert(name.to_owned(), author.definition(name));
    }
    let members = root.as_object_mut().expect("an object");
    members.insert(author.definitions.to_owned(), definitions.into());
    if author.is_older && author.random.percent(70) {
        members.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
    }
    root
}

struct Author<'a> {
    random: &'a mut Random,
    definitions: &'static str,
    /// True if keywords are those of draft 7 and before.
    is_older: bool,
}

impl Author<'_> {
    fn definition(&mut self, name: &str) -> Value {
        match name {
            "Node" => {
                json!({"type": "object", "properties": {"value": self.leaf(), "next": {"anyOf": [self.reference("Node"), {"type": "null"}]},
                "kids": {"type": "array", "items": self.reference("Node")}}, "required": ["value"], "additionalProperties": false})
            }
            "Line" => self.object(1),
            _ => json!({"type": "string", "enum": ["newest", "oldest", "by_price", "Best Match"]}),
        }
    }

    fn reference(&self, name: &str) -> Value {
        json!({"$ref": format!("#/{}/{name}", self.definitions)})
    }

    fn any(&mut self, depth: usize) -> Value {
        if depth == 0 || self.random.percent(45) {
            return self.leaf();
        }
        match self.random.below(12) {
            0 | 1 => self.object(depth - 1),
            2 => json!({"type": "array", "items": self.any(depth - 1)}),
            3 => self.tuple(depth - 1),
            4 => json!({"anyOf": [self.any(depth - 1), {"type": "null"}], "default": null, "title": "T"}),
            5 => json!({"anyOf": [self.any(depth - 1), self.any(depth - 1)]}),
            6 => json!({"oneOf": [self.any(depth - 1), self.any(depth - 1)]}),
            7 => json!({"allOf": [self.any(depth - 1)], "description": "As pydantic writes a reference with a text."}),
            8 => self.tagged(depth - 1),
            9 => self.map(depth - 1),
            10 => {
                let name = *self.random.pick(&["Node", "Line", "Sort"]);
                self.reference(name)
            }
            _ => self.conditional(depth - 1),
        }
    }

    fn leaf(&mut self) -> Value {
        let leaves = [
            json!({"type": "integer"}),
            json!({"type": "integer", "minimum": 1, "maximum": 100}),
            json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255}),
            json!({"type": "integer", "format": "int32"}),
            json!({"type": "integer", "exclusiveMinimum": 0, "maximum": 9_007_199_254_740_991_u64}),
            json!({"type": "number"}),
            json!({"type": "number", "multipleOf": 0.5}),
            json!({"type": "boolean"}),
            json!({"type": "string"}),
            json!({"type": "string", "minLength": 1, "maxLength": 12}),
            json!({"type": "string", "pattern": "^[a-z]+-[0-9]+$"}),
            json!({"type": "string", "pattern": "^(?!x)"}),
            json!({"type": "string", "format": "date-time"}),
            json!({"type": ["string", "null"]}),
            json!({"type": ["integer", "null"], "default": null}),
            json!({"type": ["string", "integer"]}),
            json!({"type": "string", "enum": ["open", "closed", "in_progress"]}),
            json!({"enum": ["low", "HIGH", 1, null]}),
            json!({"enum": [1, 2, 3]}),
            json!({"const": "fixed"}),
            json!({"const": true}),
            json!({"type": "null"}),
            json!({"type": "array"}),
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3}),
            json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
            json!({"type": "object"}),
            json!({}),
            json!(true),
        ];
        if self.is_older && self.random.percent(15) {
            return json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 10, "exclusiveMaximum": false});
        }
        self.random.pick(&leaves).clone()
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut properties = Map::new();
        for _ in 0..=self.random.below(4) {
            let name = (*self.random.pick(&NAMES)).to_owned();
            properties.insert(name, self.any(depth));
        }
        let required: Vec<_> = properties.keys().filter(|_| self.random.percent(45)).cloned().collect();
        let mut object =
            Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), properties.into())]);
        if !required.is_empty() || self.random.percent(30) {
            object.insert("required".to_owned(), json!(required));
        }
        match self.random.below(5) {
            0..=2 => drop(object.insert("additionalProperties".to_owned(), json!(false))),
            3 => drop(object.insert("additionalProperties".to_owned(), self.leaf())),
            _ => {}
        }
        if self.random.percent(8) {
            object.insert("patternProperties".to_owned(), json!({"^x-": {"type": "integer"}}));
        }
        if self.random.percent(5) {
            let keyword = if self.is_older { "dependencies" } else { "dependentRequired" };
            object.insert(keyword.to_owned(), json!({"limit": ["page_size"]}));
        }
        object.into()
    }

    fn tuple(&mut self, depth: usize) -> Value {
        let items = json!([self.any(depth), self.leaf()]);
        match self.is_older {
            true => json!({"type": "array", "items": items, "additionalItems": false, "minItems": 2}),
            false => json!({"type": "array", "prefixItems": items, "items": false, "minItems": 2}),
        }
    }

    fn tagged(&mut self, depth: usize) -> Value {
        let branches: Vec<_> = ["card", "bank_transfer", "cash"]
            .iter()
            .map(|tag| {
                let member = self.any(depth);
                json!({"type": "object", "properties": {"type": {"type": "string", "const": tag}, "amount": member},
                    "required": ["type", "amount"], "additionalProperties": false})
            })
            .collect();
        json!({"oneOf": branches, "discriminator": {"propertyName": "type"}})
    }

    fn map(&mut self, depth: usize) -> Value {
        json!({"type": "object", "additionalProperties": self.any(depth), "propertyNames": {"maxLength": 12}, "maxProperties": 4})
    }

    fn conditional(&mut self, depth: usize) -> Value {
        match self.random.percent(50) {
            true => json!({"not": {"type": "string"}}),
            false => json!({"if": {"type": "object"}, "then": {"required": ["x"]}, "else": self.any(depth)}),
        }
    }
}
