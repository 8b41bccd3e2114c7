//! Names that sound secret.

/// What names that sound secret contain.
pub const SENSITIVE_NAMES: [&str; 11] = [
    "accesskey",
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
];

/// What a name must not contain.
#[derive(Debug, Clone)]
pub(in crate::core::journal) struct Names(Vec<String>);

impl Names {
    pub(in crate::core::journal) fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        // A pattern without letters would be in every name.
        Self(names.into_iter().map(|name| letters(name.as_ref())).filter(|name| !name.is_empty()).collect())
    }

    /// Nothing sounds secret.
    pub(in crate::core::journal) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn fit(&self, name: &str) -> bool {
        let name = letters(name);
        self.0.iter().any(|pattern| name.contains(pattern))
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new(SENSITIVE_NAMES)
    }
}

/// Letters and digits only, in lower case: what `api_key`, `apiKey` and `API-Key` have in common.
fn letters(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_every_spelling() {
        let names = Names::default();
        for name in
            ["password", "userPassword", "PASSWD", "api_key", "X-Api-Key", "apikey", "Set-Cookie", "accessTokens"]
        {
            assert!(names.fit(name), "{name}");
        }
        for name in ["pass", "key", "author", "apik", "", "credit"] {
            assert!(!names.fit(name), "{name}");
        }
    }

    #[test]
    fn other_names_take_the_place_of_the_usual_ones() {
        let names = Names::new(["card-number", "-"]);
        assert!(names.fit("cardNumber") && !names.fit("password"));
    }
}
