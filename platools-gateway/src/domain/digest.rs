//! [`sha256`]: computes the SHA-256 of a text, in hexadecimal.

use sha2::{Digest as _, Sha256};

/// The digest in lower-case hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
