//! Numbers of bytes as people write them.

use std::fmt;
use std::str::FromStr;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text;

/// The units that sizes are printed in, the largest first.
const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];

/// A number of bytes, written like `64KiB` or `1GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(u64);

impl Size {
    pub(crate) const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

/// Exact, in the largest unit that it is a whole number of.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|ByteSize(bytes)| Self(bytes))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::read(deserializer, "a size such as \"64KiB\" or \"1GiB\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        for (text, bytes) in [
            ("0B", 0),
            ("1000B", 1000),
            ("64KiB", 65_536),
            ("1GiB", 1 << 30),
            ("1025KiB", 1025 << 10),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!((Size::bytes(bytes).to_string().as_str(), text.parse()), (text, Ok(Size::bytes(bytes))));
        }
    }

    #[test]
    fn people_write_sizes_in_many_ways() {
        for (text, bytes) in [("1 GiB", 1 << 30), ("2kb", 2000), ("1.5 MiB", 3 << 19), ("17", 17)] {
            assert_eq!(text.parse(), Ok(Size::bytes(bytes)), "{text}");
        }
        for text in ["", "much", "1 XB", "-1"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
