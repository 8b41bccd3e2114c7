//! [`Expansion`]: computes how large a schema would be if each reference were replaced by the schema that it leads to.

use std::collections::HashMap;

use serde_json::Value;

/// Counts the keywords of a schema with every reference written out once.
pub(super) struct Expansion<'a> {
    root: &'a Value,
    /// The sizes behind references; `None` while one is being counted, so that a cycle counts once.
    known: HashMap<&'a str, Option<u64>>,
}

impl<'a> Expansion<'a> {
    /// The number of keywords.
    pub(super) fn of(schema: &'a Value) -> u64 {
        Self { root: schema, known: HashMap::new() }.count(schema)
    }

    fn count(&mut self, schema: &'a Value) -> u64 {
        match schema {
            Value::Object(members) => members.iter().fold(1, |sum: u64, (name, member)| {
                let more = match (name.as_str(), member) {
                    ("$ref" | "$dynamicRef", Value::String(reference)) => self.behind(reference),
                    _ => self.count(member),
                };
                sum.saturating_add(more)
            }),
            Value::Array(items) => items.iter().fold(0, |sum: u64, item| sum.saturating_add(self.count(item))),
            _ => 0,
        }
    }

    fn behind(&mut self, reference: &'a str) -> u64 {
        if let Some(known) = self.known.get(reference) {
            return known.unwrap_or(1);
        }
        self.known.insert(reference, None);
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let size = target.map_or(1, |target| self.count(target));
        self.known.insert(reference, Some(size));
        size
    }
}
