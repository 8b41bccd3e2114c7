//! Functions that generate, hash and compare the secrets of workers and the keys of callers. Only the hash is stored.
//!
//! Secrets are random and long, so plain SHA-256 is enough: nobody can guess one from a dictionary.

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq;

use crate::domain::{digest, random};

/// The prefix of every generated secret, so that scanners recognise a leaked one.
const PREFIX: &str = "plt_";

/// The kind of a secret's owner. It is part of the secret, so that its finder knows what to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// A worker's.
    Worker,
    /// A caller's.
    Caller,
    /// The session of a browser.
    Browser,
    /// A code that signs a browser in once.
    SignInCode,
}

/// A new secret with 256 bits of randomness.
pub(crate) fn generate(kind: SecretKind) -> SecretString {
    let kind = match kind {
        SecretKind::Worker => "worker",
        SecretKind::Caller => "key",
        SecretKind::Browser => "session",
        SecretKind::SignInCode => "code",
    };
    format!("{PREFIX}{kind}_{}", random::hex_of::<32>()).into()
}

/// True for a text that is written like a secret that a gateway generated.
pub(crate) fn looks_like_one(secret: &SecretString) -> bool {
    secret.expose_secret().starts_with(PREFIX)
}

/// The hash of a secret, which is stored.
pub(crate) fn hash(secret: &str) -> String {
    digest::sha256(secret)
}

/// True if two hashes are equal, in a time that does not depend on where they differ.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_differ_and_carry_the_prefix() {
        let (one, other) = (generate(SecretKind::Worker), generate(SecretKind::Worker));
        assert!(one.expose_secret().starts_with(PREFIX));
        assert_eq!(one.expose_secret().len(), PREFIX.len() + "worker_".len() + 64);
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
        let secret = generate(SecretKind::Caller);
        assert!(!format!("{secret:?}").contains(secret.expose_secret()));
    }
}
