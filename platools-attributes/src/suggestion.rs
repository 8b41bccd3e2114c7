//! [`closest`]: finds the known word that is most similar to an unknown word, for "did you mean" in messages.

/// Returns the known word that was probably meant.
#[must_use]
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, known) =
        known.iter().map(|known| (strsim::damerau_levenshtein(&word.to_lowercase(), known), *known)).min()?;
    (distance <= 1.max(word.chars().count() / 3)).then_some(known)
}
