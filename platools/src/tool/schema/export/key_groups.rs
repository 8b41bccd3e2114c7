//! [`groups`]: tells a model in a sentence which arguments it must give together. An export adds the sentence when it merges the
//! alternatives of a union into one object.

/// The sentence about alternatives, each with the keys that it has. `keyword` is that of the union.
pub(super) fn groups(keyword: &str, alternatives: &[Vec<String>]) -> Option<String> {
    if alternatives.iter().all(Vec::is_empty) {
        return None;
    }
    let number = if keyword == "oneOf" { "Exactly one" } else { "At least one" };
    let alternatives: Vec<_> = alternatives
        .iter()
        .map(|keys| if keys.is_empty() { "none of them".to_owned() } else { keys.join(", ") })
        .collect();
    Some(format!("{number} of these groups of keys goes along: {}.", alternatives.join("; ")))
}
