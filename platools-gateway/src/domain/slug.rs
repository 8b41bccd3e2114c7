//! [`check_slug`]: checks the characters and the length of a slug, the name of an object in URLs and logs.

use super::error::{Error, ErrorKind};

/// The longest slug, in characters.
const MAX_SLUG_CHARS: usize = 64;

/// Checks a slug: letters, digits, `-`, `_` and `.`, the first a letter or digit.
pub(crate) fn check_slug(slug: &str) -> Result<(), Error> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let starts_well = slug.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && !looks_like_id(slug) && slug.len() <= MAX_SLUG_CHARS && slug.chars().all(allowed) {
        return Ok(());
    }
    let rule = "1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit, and not like an id";
    Err(Error::new(ErrorKind::InvalidRequest, format!("{slug:?} is not a slug: {rule}")))
}

/// True if a name would be taken for an id. `agent_` begins ordinary names, too, so there the rest counts as well.
pub(crate) fn looks_like_id(name: &str) -> bool {
    let is_random = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    ["ent_", "agt_", "env_", "key_"].iter().any(|prefix| name.starts_with(prefix))
        || name.strip_prefix("agent_").is_some_and(is_random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AgentId;

    #[test]
    fn slugs_are_plain() {
        for slug in ["dev", "orders-backend", "a.b_c", "7", "agent_one"] {
            check_slug(slug).unwrap();
        }
        for slug in ["", "-x", "../x", "a b", "ü", "ent_1", "agt_1", AgentId::random().as_str(), &"x".repeat(65)] {
            assert_eq!(check_slug(slug).unwrap_err().kind(), ErrorKind::InvalidRequest, "{slug}");
        }
    }
}
