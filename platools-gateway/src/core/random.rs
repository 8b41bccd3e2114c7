//! Randomness from the operating system, as hexadecimal text.

use std::fmt::Write as _;

/// `N` random bytes in lower-case hexadecimal.
pub(crate) fn hex_of<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system has a source of randomness");
    hex(&bytes)
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing into a string does not fail");
    }
    text
}
