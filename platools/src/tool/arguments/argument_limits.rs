//! The limits `range`, `length` and `pattern` of an argument. The traits [`Ranged`], [`Length`] and [`Text`] say to which types each limit
//! applies; [`Bound`] is an end of a range.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// A number a range ends at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// A whole number.
    Int(i128),
    /// Any other.
    Float(f64),
}

impl Bound {
    /// The number as it stands in a schema.
    pub(super) fn json(self) -> Value {
        match self {
            Self::Int(int) => serde_json::Number::from_i128(int).map_or(Value::Null, Value::Number),
            Self::Float(float) => Value::from(float),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "only a whole number against a fraction is compared as floats")]
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Int(a), Self::Float(b)) => (a as f64).partial_cmp(&b),
            (Self::Float(a), Self::Int(b)) => a.partial_cmp(&(b as f64)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(f),
            Self::Float(float) => float.fmt(f),
        }
    }
}

/// A type that `range(..)` applies to: the numbers, and `Option`s of them.
#[diagnostic::on_unimplemented(
    message = "`range` applies to numbers, and `{Self}` is none",
    label = "this argument is not a number",
    note = "use `length(..)` for strings, lists and maps"
)]
pub trait Ranged {
    /// The number; `None` where there is nothing to compare.
    fn number(&self) -> Option<Bound>;
}

macro_rules! ranged {
    ($variant:ident($as:ty): $($number:ty)*) => {$(
        impl Ranged for $number {
            fn number(&self) -> Option<Bound> {
                Some(Bound::from(*self))
            }
        }
        impl From<$number> for Bound {
            fn from(number: $number) -> Self {
                Self::$variant(<$as>::from(number))
            }
        }
    )*};
}
ranged!(Int(i128): i8 i16 i32 i64 i128 u8 u16 u32 u64);
ranged!(Float(f64): f64);

impl Ranged for f32 {
    fn number(&self) -> Option<Bound> {
        Some(Bound::from(*self))
    }
}

impl From<f32> for Bound {
    /// By its shortest decimal, which is what was written: widened, `0.1_f32` would be more than `0.1`.
    fn from(number: f32) -> Self {
        Self::Float(format!("{number:e}").parse().expect("a number that was written can be read"))
    }
}

macro_rules! ranged_by_size {
    ($($number:ty)*) => {$(
        impl Ranged for $number {
            fn number(&self) -> Option<Bound> {
                Some(Bound::from(*self))
            }
        }
        impl From<$number> for Bound {
            fn from(number: $number) -> Self {
                // A machine word is at most 64 bits wide on every target Rust has.
                Self::Int(number as i128)
            }
        }
    )*};
}
ranged_by_size!(isize usize);

impl<T: Ranged> Ranged for Option<T> {
    fn number(&self) -> Option<Bound> {
        self.as_ref()?.number()
    }
}

/// The schema keywords that bound a length, and what they count.
#[derive(Debug, Clone, Copy)]
pub struct LengthUnit {
    pub(super) min_keyword: &'static str,
    pub(super) max_keyword: &'static str,
    pub(super) noun: &'static str,
}

const CHARACTERS: LengthUnit = LengthUnit { min_keyword: "minLength", max_keyword: "maxLength", noun: "characters" };
const ITEMS: LengthUnit = LengthUnit { min_keyword: "minItems", max_keyword: "maxItems", noun: "items" };
const ENTRIES: LengthUnit = LengthUnit { min_keyword: "minProperties", max_keyword: "maxProperties", noun: "entries" };

/// A type that `length(..)` applies to: strings (counted in characters), lists, maps, and `Option`s of them. Not sets, which
/// lose count of what is given twice before it could be compared with the schema.
#[diagnostic::on_unimplemented(
    message = "`length` applies to strings, lists and maps, and `{Self}` is none",
    label = "this argument has no length",
    note = "use `range(..)` for numbers, and `Vec` in place of a set: what is given twice counts once in a set and twice in \
            its schema"
)]
pub trait Length {
    /// Unit of the length.
    const UNIT: LengthUnit;
    /// The length; `None` where there is nothing to count.
    fn length(&self) -> Option<usize>;
}

macro_rules! length {
    ($unit:ident, |$value:ident| $count:expr, $([$($generics:tt)*] $of:ty,)*) => {$(
        impl<$($generics)*> Length for $of {
            const UNIT: LengthUnit = $unit;
            fn length(&self) -> Option<usize> {
                let $value = self;
                Some($count)
            }
        }
    )*};
}
length!(CHARACTERS, |text| text.chars().count(), [] String, [] Box<str>, [] Arc<str>, ['a] Cow<'a, str>,);
length!(ITEMS, |list| list.len(), [T] Vec<T>, [T] Box<[T]>, [T] VecDeque<T>,);
length!(ENTRIES, |map| map.len(), [K, V] BTreeMap<K, V>, [K, V, S] HashMap<K, V, S>,);

impl<T: Length> Length for Option<T> {
    const UNIT: LengthUnit = T::UNIT;
    fn length(&self) -> Option<usize> {
        self.as_ref()?.length()
    }
}

/// A type that `pattern(..)` applies to: strings, and `Option`s of them.
#[diagnostic::on_unimplemented(
    message = "`pattern` applies to strings, and `{Self}` is none",
    label = "this argument is not a string"
)]
pub trait Text {
    /// The text; `None` where there is none.
    fn text(&self) -> Option<&str>;
}

macro_rules! text {
    ($([$($generics:tt)*] $of:ty,)*) => {$(
        impl<$($generics)*> Text for $of {
            fn text(&self) -> Option<&str> {
                Some(self)
            }
        }
    )*};
}
text!([] String, [] Box<str>, [] Arc<str>, ['a] Cow<'a, str>,);

impl<T: Text> Text for Option<T> {
    fn text(&self) -> Option<&str> {
        self.as_ref()?.text()
    }
}

/// Beginning or end of a range.
pub(super) type End<N> = std::ops::Bound<N>;

/// The problem of a number outside of a range; `None` inside.
pub(super) fn outside(number: Bound, (from, to): (End<Bound>, End<Bound>)) -> Option<String> {
    let below = match from {
        End::Included(min) => (number.compare(min) == Some(Ordering::Less)).then(|| format!("at least {min}")),
        End::Excluded(min) => (number.compare(min) != Some(Ordering::Greater)).then(|| format!("more than {min}")),
        End::Unbounded => None,
    };
    let above = || match to {
        End::Included(max) => (number.compare(max) == Some(Ordering::Greater)).then(|| format!("at most {max}")),
        End::Excluded(max) => (number.compare(max) != Some(Ordering::Less)).then(|| format!("less than {max}")),
        End::Unbounded => None,
    };
    below.or_else(above).map(|limit| format!("{number} is out of range: it must be {limit}"))
}
