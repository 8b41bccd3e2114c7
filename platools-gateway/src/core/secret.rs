//! Secrets of workers and keys of callers: made, hashed and compared.
//!
//! Both are random and long, so a plain SHA-256 is enough: there is no dictionary to run through. Only the hash is stored.

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::random;

/// What every generated secret starts with, so that scanners recognise one that leaked.
pub const PREFIX: &str = "plt_";

/// A new secret with 256 bits of randomness.
#[must_use]
pub fn generate() -> SecretString {
    format!("{PREFIX}{}", random::hex_of::<32>()).into()
}

/// What is stored of a secret.
pub(crate) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn generated_secrets_differ_and_carry_the_prefix() {
        let (one, other) = (generate(), generate());
        assert!(one.expose_secret().starts_with(PREFIX));
        assert_eq!(one.expose_secret().len(), PREFIX.len() + 64);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }

    #[test]
    fn only_the_same_secret_has_the_same_hash() {
        assert!(same(&hash("a"), &hash("a")));
        assert!(!same(&hash("a"), &hash("b")));
        assert!(!same(&hash("a"), ""));
    }

    #[test]
    fn debug_does_not_print_the_secret() {
        let secret = generate();
        assert!(!format!("{secret:?}").contains(secret.expose_secret()));
    }
}
