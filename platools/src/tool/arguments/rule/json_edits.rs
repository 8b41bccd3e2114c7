//! [`JsonEdits`]: applies the changes of `repair.rs` to a JSON text, and leaves the rest of the text as it is.

use std::collections::BTreeMap;

use serde::de::Deserializer;
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Path;
use super::repair::{Change, PlacedChange};
use crate::tool::arguments::raw_members::Members;

/// Changes of a value, and of the values within it.
#[derive(Debug, Default)]
pub(super) struct JsonEdits {
    change: Option<Change>,
    within: BTreeMap<String, JsonEdits>,
}

impl FromIterator<PlacedChange> for JsonEdits {
    /// The first change of a value counts.
    fn from_iter<I: IntoIterator<Item = PlacedChange>>(changes: I) -> Self {
        let mut all = Self::default();
        for (path, change) in changes {
            let at = path.0.into_iter().fold(&mut all, |edits, token| edits.within.entry(token).or_default());
            at.change.get_or_insert(change);
        }
        all
    }
}

impl JsonEdits {
    pub(super) fn is_empty(&self) -> bool {
        self.change.is_none() && self.within.is_empty()
    }

    /// The text with the changes made.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.write(text, &mut out);
        out
    }

    fn write(&self, value: &str, out: &mut String) {
        match &self.change {
            Some(Change::Replace(json) | Change::Respell(json)) => out.push_str(json),
            Some(Change::Wrap) => {
                out.push('[');
                out.push_str(value);
                out.push(']');
            }
            // The root has no place to be left out of.
            Some(Change::LeaveOut { .. }) | None => self.write_within(value, out),
        }
    }

    fn write_within(&self, text: &str, out: &mut String) {
        if self.within.is_empty() {
            out.push_str(text);
        } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
            let items = items.into_iter().enumerate().map(|(index, item)| (String::new(), index.to_string(), item));
            self.write_all('[', items, ']', out);
        } else if let Ok(members) = serde_json::Deserializer::from_str(text).deserialize_map(Members) {
            let members = members.into_iter().map(|(name, value)| {
                let key = Value::from(name.as_str()).to_string() + ":";
                (key, name, value)
            });
            self.write_all('{', members, '}', out);
        } else {
            out.push_str(text);
        }
    }

    fn write_all<'a>(
        &self,
        open: char,
        values: impl Iterator<Item = (String, String, &'a RawValue)>,
        close: char,
        out: &mut String,
    ) {
        out.push(open);
        let mut is_first = true;
        for (key, token, value) in values {
            let edits = self.within.get(&token);
            if edits.is_some_and(|edits| matches!(edits.change, Some(Change::LeaveOut { .. }))) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(',');
            }
            out.push_str(&key);
            match edits {
                Some(edits) => edits.write(value.get(), out),
                None => out.push_str(value.get()),
            }
        }
        out.push(close);
    }
}

impl Path {
    /// Takes the member at the path out of a value. Returns whether there is one.
    pub(super) fn remove_from(&self, value: &mut Value) -> bool {
        let Some((name, parents)) = self.0.split_last() else { return false };
        let parent = parents.iter().try_fold(value, |value, token| match value {
            Value::Object(members) => members.get_mut(token),
            Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?),
            _ => None,
        });
        parent.and_then(Value::as_object_mut).is_some_and(|members| members.remove(name).is_some())
    }
}
