//! Randomness from the operating system, as hexadecimal text.

/// `N` random bytes in lower-case hexadecimal.
pub(crate) fn hex_of<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system has a source of randomness");
    hex::encode(bytes)
}
