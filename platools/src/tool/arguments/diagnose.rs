//! [`diagnose`]: decodes each argument of a call on its own and names every bad one, if `decode.rs` could not decode all of them.

use std::collections::HashSet;

use serde::de::Deserializer;
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

use super::Policy;
use super::exact_deserializer::Exact;
use super::parameter::{ParameterList, Parameters};
use super::problem::Problems;
use super::raw_members::Members;
use super::suggestion::did_you_mean;

/// Decodes each argument, and notes a problem for each that does not fit its type.
pub(super) fn diagnose<P: Parameters>(parameters: &P, policy: Policy, text: &str, problems: &mut Problems) -> P::Slots {
    let mut slots = P::Slots::default();
    let entries = match serde_json::Deserializer::from_str(text).deserialize_map(Members) {
        Ok(entries) => entries,
        Err(error) => {
            problems.add("arguments", &[], format!("they must be a JSON object: {}", without_position(&error)));
            return slots;
        }
    };
    let mut seen = HashSet::new();
    for (name, value) in &entries {
        match parameters.position(name) {
            Some(position) if !seen.insert(position) => problems.add(name, &[], "it is given twice"),
            Some(position) => one(parameters, (position, name), value, &mut slots, problems),
            None if policy.ignores(name) => {}
            // What is only counted is not worth a suggestion.
            None if problems.is_full() => problems.add(name, &[], ""),
            None => problems.add(name, &[], no_such_argument(parameters, name)),
        }
    }
    slots
}

fn one<P: Parameters>(
    parameters: &P,
    (position, name): (usize, &str),
    value: &RawValue,
    slots: &mut P::Slots,
    problems: &mut Problems,
) {
    if let Err((path, message)) = exactly(parameters, position, value.get(), slots) {
        problems.add(name, &path, message);
    }
}

/// Decodes one value; on failure, says where inside of it and why.
fn exactly<P: Parameters>(
    parameters: &P,
    position: usize,
    json: &str,
    slots: &mut P::Slots,
) -> Result<(), (Vec<String>, String)> {
    let mut track = serde_path_to_error::Track::new();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    parameters.decode(position, slots, Exact(tracked)).map_err(|error| (steps(&track.path()), without_position(&error)))
}

/// The names and indexes of a path.
fn steps(path: &serde_path_to_error::Path) -> Vec<String> {
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    });
    steps.collect()
}

fn no_such_argument(parameters: &dyn ParameterList, name: &str) -> String {
    let mut names = Vec::new();
    parameters.each(&mut |parameter| names.push(parameter.name()));
    if let Some(meant) = did_you_mean(name, &names) {
        return format!("there is no such argument; did you mean `{meant}`?");
    }
    if names.is_empty() {
        return "there is no such argument; the tool takes none".to_owned();
    }
    format!("there is no such argument; the tool takes {}", names.join(", "))
}

/// A JSON error without its line and column, which mean nothing to a caller that did not see the text.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}
