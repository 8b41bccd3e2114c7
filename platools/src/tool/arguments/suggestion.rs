//! [`did_you_mean`]: suggests the known name that is most similar to an unknown name.

/// The longest name that a suggestion is looked for, in characters: that of the longest argument. The search takes time in
/// proportion to the length.
const MAX_NAME_CHARS: usize = 64;

/// Returns the known name that was probably meant.
pub(super) fn did_you_mean<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let length = unknown.chars().take(MAX_NAME_CHARS + 1).count();
    if length > MAX_NAME_CHARS {
        return None;
    }
    let unknown = unknown.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&unknown, &name.to_lowercase());
    let (distance, name) = known.iter().map(|name| (distance(name), *name)).min()?;
    (distance <= 1.max(length / 3)).then_some(name)
}
