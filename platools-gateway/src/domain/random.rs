//! Functions that read random bytes from the operating system.

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system has a source of randomness");
    bytes
}

/// `N` random bytes in lower-case hexadecimal.
pub(crate) fn hex_of<const N: usize>() -> String {
    hex::encode(bytes::<N>())
}

/// A random number from 0 to below 1.
pub(crate) fn fraction() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the operating system has a source of randomness");
    f64::from(u32::from_le_bytes(bytes)) / 2_f64.powi(32)
}
