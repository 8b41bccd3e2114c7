//! [`SettingValue`]: the trait of types that a setting may have. [`Size`] is a number of bytes, written like `64KiB`.

use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use toml::Value;

/// A type of values.
pub(super) trait SettingValue: Sized {
    /// The form of a value in the usage of a flag.
    const FORM: &'static str;
    /// The values that fit, in words.
    const EXPECTED: &'static str;
    /// Only the environment may have the value.
    const IS_SECRET: bool = false;

    /// The value that the text of a flag or a variable stands for.
    fn parse(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    /// The value in a file, if it fits.
    fn read(value: &Value) -> Option<Self>;

    /// The value in the form of a file. `None` for a secret, and for no value.
    fn write(&self) -> Option<Value>;

    /// The amount, for a lower bound.
    fn amount(&self) -> Option<u128> {
        None
    }
}

/// A number of bytes, written like `64KiB` or `1GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(u64);

impl From<u64> for Size {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<usize> for Size {
    fn from(bytes: usize) -> Self {
        Self(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl From<Size> for usize {
    fn from(size: Size) -> Self {
        Self::try_from(size.0).unwrap_or(Self::MAX)
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
        text.parse().map(|bytesize::ByteSize(bytes)| Self(bytes))
    }
}

/// The units that sizes are printed in, the largest first.
const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];

/// The seconds of a day.
const DAY: u64 = 24 * 60 * 60;

pub(super) const KIB: usize = 1024;
pub(super) const MIB: u64 = 1024 * 1024;
pub(super) const GIB: u64 = 1024 * MIB;

pub(super) const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

pub(super) const fn minutes(number: u64) -> Duration {
    seconds(60 * number)
}

pub(super) const fn days(number: u64) -> Duration {
    seconds(DAY * number)
}

/// A count that is a default.
pub(crate) const fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is not zero")
}

/// Bytes that are a default.
pub(super) const fn bytes(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).expect("a default is not zero")
}

/// A time, written like `30s` or `1h 30m`.
impl SettingValue for Duration {
    const FORM: &'static str = "TIME";
    const EXPECTED: &'static str = "a time such as \"30s\" or \"1h 30m\"";

    fn read(value: &Value) -> Option<Self> {
        humantime::parse_duration(value.as_str()?).ok()
    }

    /// Whole days are written as days: a month of `humantime` has 30.44 of them.
    fn write(&self) -> Option<Value> {
        let seconds = self.as_secs();
        let is_days = self.subsec_nanos() == 0 && seconds > DAY && seconds.is_multiple_of(DAY);
        let text = || humantime::format_duration(*self).to_string();
        Some(Value::String(if is_days { format!("{}days", seconds / DAY) } else { text() }))
    }

    fn amount(&self) -> Option<u128> {
        Some(self.as_nanos())
    }
}

/// Implements [`SettingValue`] for types that a file has as a text.
macro_rules! text_values {
    ($($type:ty: $form:literal, $expected:expr $(, amount $amount:expr)?;)+) => {
        $(impl $crate::settings::value::SettingValue for $type {
            const FORM: &'static str = $form;
            const EXPECTED: &'static str = $expected;

            fn read(value: &toml::Value) -> Option<Self> {
                value.as_str()?.parse().ok()
            }

            fn write(&self) -> Option<toml::Value> {
                Some(toml::Value::String(self.to_string()))
            }

            $(fn amount(&self) -> Option<u128> {
                let amount: fn(&Self) -> u128 = $amount;
                Some(amount(self))
            })?
        })+
    };
}

pub(super) use text_values;

text_values! {
    String: "TEXT", "a text";
    SocketAddr: "ADDRESS", "an address and a port, such as \"127.0.0.1:3100\"";
    Size: "SIZE", "a size such as \"64KiB\" or \"1GiB\"", amount |size| u128::from(size.0);
}

/// Implements [`SettingValue`] for whole numbers, each within the range of a second type.
macro_rules! whole_numbers {
    ($($type:ty, $within:ty, $expected:literal, |$number:ident| $amount:expr;)+) => {
        $(impl SettingValue for $type {
            const FORM: &'static str = "NUMBER";
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Value {
                text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)
            }

            fn read(value: &Value) -> Option<Self> {
                let number = <$within>::try_from(value.as_integer()?).ok()?;
                Self::try_from(number).ok()
            }

            fn write(&self) -> Option<Value> {
                self.amount().map(|number| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            fn amount(&self) -> Option<u128> {
                let $number = *self;
                Some($amount)
            }
        })+
    };
}

whole_numbers! {
    u32, u32, "a whole number", |number| number.into();
    usize, u32, "a whole number", |number| number as u128;
    NonZeroU32, u32, "a whole number from 1", |number| number.get().into();
    NonZeroU64, u64, "a whole number from 1", |number| number.get().into();
}

impl SettingValue for f64 {
    const FORM: &'static str = "NUMBER";
    const EXPECTED: &'static str = "a number";

    fn parse(text: &str) -> Value {
        text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Float)
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_float().or_else(|| Some(f64::from(i32::try_from(value.as_integer()?).ok()?)))
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Float(*self))
    }
}

impl SettingValue for bool {
    const FORM: &'static str = "BOOL";
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Value {
        text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Boolean)
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

impl SettingValue for PathBuf {
    const FORM: &'static str = "FILE";
    const EXPECTED: &'static str = "a path";

    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }

    fn write(&self) -> Option<Value> {
        Some(Value::String(self.display().to_string()))
    }
}

impl SettingValue for SecretString {
    const FORM: &'static str = "SECRET";
    const EXPECTED: &'static str = "a text";
    const IS_SECRET: bool = true;

    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }

    fn write(&self) -> Option<Value> {
        None
    }
}

/// A value that may be absent. An empty text takes back a value from further down.
impl<T: SettingValue> SettingValue for Option<T> {
    const FORM: &'static str = T::FORM;
    const EXPECTED: &'static str = T::EXPECTED;
    const IS_SECRET: bool = T::IS_SECRET;

    fn parse(text: &str) -> Value {
        T::parse(text)
    }

    fn read(value: &Value) -> Option<Self> {
        if value.as_str() == Some("") { Some(None) } else { T::read(value).map(Some) }
    }

    fn write(&self) -> Option<Value> {
        self.as_ref()?.write()
    }

    fn amount(&self) -> Option<u128> {
        self.as_ref()?.amount()
    }
}

/// A list, with commas between its items in a flag or a variable.
impl<T: SettingValue> SettingValue for Vec<T> {
    const FORM: &'static str = T::FORM;
    const EXPECTED: &'static str = T::EXPECTED;

    fn parse(text: &str) -> Value {
        Value::Array(text.split(',').filter(|item| !item.is_empty()).map(T::parse).collect())
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Array(self.iter().filter_map(T::write).collect()))
    }
}

/// A value as the help and errors show it: a text without quotes, a list with commas.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Declares an enum whose variants a file has as words.
macro_rules! words {
    (
        $(#[$attribute:meta])+
        pub enum $name:ident: $expected:literal {
            $($(#[$variant_attribute:meta])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_attribute])+ $variant,)+
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word,)+
                })
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(()),
                }
            }
        }

        $crate::settings::value::text_values! {
            $name: "WORD", $expected;
        }
    };
}

pub(super) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_printed_as_they_are_read() {
        for (text, bytes) in [
            ("0B", 0),
            ("1000B", 1000),
            ("64KiB", 65_536),
            ("1GiB", 1 << 30),
            ("1025KiB", 1025 << 10),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!((Size(bytes).to_string().as_str(), text.parse()), (text, Ok(Size(bytes))));
        }
        for (text, seconds) in [("90days", 90 * DAY), ("1day", DAY), ("1h 30m", 5400), ("30days", 30 * DAY), ("0s", 0)]
        {
            let (time, text) = (Duration::from_secs(seconds), Value::String(text.to_owned()));
            assert_eq!((time.write(), Duration::read(&text)), (Some(text), Some(time)));
        }
    }

    #[test]
    fn people_write_sizes_in_many_ways() {
        for (text, bytes) in [("1 GiB", 1 << 30), ("2kb", 2000), ("1.5 MiB", 3 << 19), ("17", 17)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "much", "1 XB", "-1"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_have_their_range() {
        assert_eq!(NonZeroU32::read(&Value::Integer(0)), None);
        assert_eq!(u32::read(&Value::Integer(-1)), None);
        assert_eq!(usize::read(&Value::Integer(1 << 40)), None);
        assert_eq!(u32::read(&u32::parse("soon")), None);
        assert_eq!(f64::read(&Value::Integer(1)), Some(1.0));
    }

    #[test]
    fn an_empty_text_is_no_value_and_an_empty_list() {
        assert_eq!(Option::<String>::read(&Value::String(String::new())), Some(None));
        assert_eq!(Vec::<String>::parse(""), Value::Array(Vec::new()));
    }
}
