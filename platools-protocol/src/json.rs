//! [`write()`] and [`to_string`]: write a value as JSON, to a buffer or as a text. They refuse a float that is not finite, and the error
//! names the place of the float in the value.
//!
//! `serde_json` writes `null` for such a float. The reader of a number would then get `null`, which the schema of the type does not allow.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::io;

use serde::ser::{self, Error as _, Serialize, Serializer};
use serde_json::Result;
use serde_json::value::RawValue;

/// Writes a value as JSON. `root` is the name of the value in an error.
///
/// # Errors
/// The writer fails, or a part of the value has no JSON: a float that is not finite, a map with keys that are no texts, or an error of the
/// value's own.
pub fn write<T: Serialize + ?Sized>(root: &str, writer: impl io::Write, value: &T) -> Result<()> {
    let trail = Trail::default();
    let mut serializer = serde_json::Serializer::new(writer);
    value.serialize(Checked { inner: &mut serializer, trail: &trail }).map_err(|error| trail.told(root, error))
}

/// Returns a value as JSON. Otherwise as [`write()`].
///
/// # Errors
/// Like [`write()`].
pub fn to_string<T: Serialize + ?Sized>(root: &str, value: &T) -> Result<String> {
    let mut json = Vec::with_capacity(128);
    write(root, &mut json, value)?;
    String::from_utf8(json).map_err(serde_json::Error::custom)
}

/// Returns a value as JSON. Otherwise as [`write()`].
///
/// # Errors
/// Like [`write()`].
pub fn to_raw_value<T: Serialize + ?Sized>(root: &str, value: &T) -> Result<Box<RawValue>> {
    RawValue::from_string(to_string(root, value)?)
}

/// The way from the root of a value to the part that has no JSON, innermost step first. It is empty until an error comes back along it.
#[derive(Default)]
struct Trail {
    steps: RefCell<Vec<Step>>,
    not_finite: Cell<Option<NotFinite>>,
}

enum Step {
    /// A field or a variant, by the name that its type gives it.
    Name(&'static str),
    Index(usize),
    /// The value of a map, as which serde also writes a struct with flattened fields. Its key is data, which is not for logs.
    Value,
}

#[derive(Clone, Copy)]
struct NotFinite(f64);

impl Trail {
    fn add(&self, step: Step) {
        self.steps.borrow_mut().push(step);
    }

    /// Refuses a float that is not finite.
    fn finite<E: ser::Error>(&self, number: f64) -> std::result::Result<(), E> {
        if number.is_finite() {
            return Ok(());
        }
        self.not_finite.set(Some(NotFinite(number)));
        Err(E::custom("a number is not finite"))
    }

    /// The error with the place.
    fn told(&self, root: &str, error: serde_json::Error) -> serde_json::Error {
        let steps = self.steps.borrow();
        match self.not_finite.get() {
            _ if error.is_io() => error,
            Some(NotFinite(number)) => serde_json::Error::custom(format_args!(
                "{root}{} is {number}, which JSON does not have; make it an `Option` or a string",
                Path(&steps)
            )),
            None if steps.is_empty() => error,
            None => serde_json::Error::custom(format_args!("{root}{}: {error}", Path(&steps))),
        }
    }
}

/// A path as in Rust or JavaScript: `.items[3].price`.
struct Path<'a>(&'a [Step]);

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|step| match step {
            Step::Name(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Value => f.write_str("[..]"),
        })
    }
}

/// A part of a value, which is written by a [`Checked`].
struct Part<'a, T: ?Sized> {
    value: &'a T,
    trail: &'a Trail,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.value.serialize(Checked { inner: serializer, trail: self.trail })
    }
}

/// A serializer that hands everything on to another, except for floats that are not finite.
struct Checked<'t, S> {
    inner: S,
    trail: &'t Trail,
}

/// A value of several parts. `index` counts those without a name.
struct Parts<'t, C> {
    inner: C,
    trail: &'t Trail,
    index: usize,
}

impl<'t, S> Checked<'t, S> {
    fn parts<C>(self, begin: impl FnOnce(S) -> C) -> (C, &'t Trail) {
        (begin(self.inner), self.trail)
    }
}

impl<'t, C> Parts<'t, C> {
    #[inline]
    fn new<E>((inner, trail): (std::result::Result<C, E>, &'t Trail)) -> std::result::Result<Self, E> {
        Ok(Self { inner: inner?, trail, index: 0 })
    }

    #[inline]
    fn element<R, E, T: ?Sized>(
        &mut self,
        value: &T,
        write: impl FnOnce(&mut C, &Part<'_, T>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        let written = write(&mut self.inner, &Part { value, trail: self.trail });
        if written.is_err() {
            self.trail.add(Step::Index(self.index));
        }
        self.index += 1;
        written
    }

    #[inline]
    fn named<R, E, T: ?Sized>(
        &mut self,
        step: Step,
        value: &T,
        write: impl FnOnce(&mut C, &Part<'_, T>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        let written = write(&mut self.inner, &Part { value, trail: self.trail });
        if written.is_err() {
            self.trail.add(step);
        }
        written
    }
}

macro_rules! handed_on {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $method(self, $($name: $type),*) -> std::result::Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )*};
}

impl<'t, S: Serializer> Serializer for Checked<'t, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'t, S::SerializeSeq>;
    type SerializeTuple = Parts<'t, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'t, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'t, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'t, S::SerializeMap>;
    type SerializeStruct = Parts<'t, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'t, S::SerializeStructVariant>;

    handed_on! {
        serialize_bool(v: bool);
        serialize_i8(v: i8);
        serialize_i16(v: i16);
        serialize_i32(v: i32);
        serialize_i64(v: i64);
        serialize_i128(v: i128);
        serialize_u8(v: u8);
        serialize_u16(v: u16);
        serialize_u32(v: u32);
        serialize_u64(v: u64);
        serialize_u128(v: u128);
        serialize_char(v: char);
        serialize_str(v: &str);
        serialize_bytes(v: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    #[inline]
    fn serialize_f32(self, v: f32) -> std::result::Result<S::Ok, S::Error> {
        self.trail.finite(v.into())?;
        self.inner.serialize_f32(v)
    }

    #[inline]
    fn serialize_f64(self, v: f64) -> std::result::Result<S::Ok, S::Error> {
        self.trail.finite(v)?;
        self.inner.serialize_f64(v)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> std::result::Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Part { value, trail: self.trail })
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> std::result::Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &Part { value, trail: self.trail })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> std::result::Result<S::Ok, S::Error> {
        let part = Part { value, trail: self.trail };
        let written = self.inner.serialize_newtype_variant(name, index, variant, &part);
        if written.is_err() {
            self.trail.add(Step::Name(variant));
        }
        written
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> std::result::Result<Self::SerializeSeq, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_seq(len)))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> std::result::Result<Self::SerializeTuple, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_tuple(len)))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> std::result::Result<Self::SerializeTupleStruct, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_tuple_struct(name, len)))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> std::result::Result<Self::SerializeTupleVariant, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_tuple_variant(name, index, variant, len)))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> std::result::Result<Self::SerializeMap, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_map(len)))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> std::result::Result<Self::SerializeStruct, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_struct(name, len)))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> std::result::Result<Self::SerializeStructVariant, S::Error> {
        Parts::new(self.parts(|inner| inner.serialize_struct_variant(name, index, variant, len)))
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> std::result::Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident),*) => {$(
        impl<C: ser::$trait> ser::$trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> std::result::Result<(), C::Error> {
                self.element(value, |inner, part| inner.$method(part))
            }

            #[inline]
            fn end(self) -> std::result::Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}
elements!(
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl<C: ser::$trait> ser::$trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> std::result::Result<(), C::Error> {
                self.named(Step::Name(key), value, |inner, part| inner.serialize_field(key, part))
            }

            #[inline]
            fn skip_field(&mut self, key: &'static str) -> std::result::Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            #[inline]
            fn end(self) -> std::result::Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}
fields!(SerializeStruct, SerializeStructVariant);

impl<C: ser::SerializeMap> ser::SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    /// Keys are handed on: `serde_json` refuses those that are not finite itself.
    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> std::result::Result<(), C::Error> {
        self.inner.serialize_key(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> std::result::Result<(), C::Error> {
        self.named(Step::Value, value, |inner, part| inner.serialize_value(part))
    }

    #[inline]
    fn end(self) -> std::result::Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::path::PathBuf;

    use serde::Serialize;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize, Default)]
    struct Order {
        items: Vec<Item>,
        total: Option<f32>,
        by_sku: BTreeMap<String, (u8, f64)>,
        kind: Option<Kind>,
    }

    /// A struct with a flattened part, which serde writes as a map.
    #[derive(Serialize)]
    struct Open {
        price: f64,
        #[serde(flatten)]
        extra: BTreeMap<String, f64>,
    }

    #[derive(Serialize)]
    struct Item {
        price: f64,
    }

    #[derive(Serialize)]
    #[serde(tag = "type")]
    enum Kind {
        Rate(Item),
        Range { low: f64 },
    }

    #[derive(Serialize)]
    enum Plain {
        One(f64),
        Two(f64, f64),
        Named { n: f64 },
    }

    fn refused<T: Serialize>(value: T) -> String {
        to_string("result", &value).expect_err("it has no JSON").to_string()
    }

    #[test]
    fn a_float_that_is_not_finite_is_an_error_with_its_place() {
        let not = |path: &str, number: &str| {
            format!("{path} is {number}, which JSON does not have; make it an `Option` or a string")
        };
        let order = Order::default;
        let items = vec![Item { price: 1.0 }, Item { price: f64::NAN }];
        assert_eq!(refused(Order { items, ..order() }), not("result.items[1].price", "NaN"));
        assert_eq!(refused(Order { total: Some(f32::INFINITY), ..order() }), not("result.total", "inf"));
        let by_sku = BTreeMap::from([("hunter2".to_owned(), (1, f64::NEG_INFINITY))]);
        assert_eq!(refused(Order { by_sku, ..order() }), not("result.by_sku[..][1]", "-inf"));
        let extra = BTreeMap::from([("hunter2".to_owned(), f64::NAN)]);
        assert_eq!(refused(Open { price: 1.0, extra }), not("result[..]", "NaN"));
        for kind in [Kind::Rate(Item { price: f64::NAN }), Kind::Range { low: f64::NAN }] {
            assert!(refused(Order { kind: Some(kind), ..order() }).starts_with("result.kind."));
        }
        assert_eq!(refused(f64::NAN), not("result", "NaN"));
        assert_eq!(refused([Plain::One(f64::NAN)]), not("result[0].One", "NaN"));
        assert!(refused(Plain::Two(1.0, f64::NAN)).starts_with("result[1] is NaN"));
        assert!(refused(Plain::Named { n: f64::NAN }).starts_with("result.n is NaN"));
    }

    #[test]
    #[cfg(unix)]
    fn other_parts_without_json_are_named_too() {
        use std::os::unix::ffi::OsStringExt as _;
        let path = PathBuf::from(std::ffi::OsString::from_vec(vec![0xff]));
        assert_eq!(refused(vec![path]), "result[0]: path contains invalid UTF-8 characters");
        assert_eq!(refused(Some(HashMap::from([(vec![1], 1)]))), "key must be a string");
        assert_eq!(refused([HashMap::from([((), 1)])]), "result[0]: key must be a string");
        assert_eq!(refused(HashMap::from([("a", HashMap::from([([1], 1)]))])), "result[..]: key must be a string");
    }

    #[test]
    fn values_are_written_as_by_serde_json() {
        let raw = RawValue::from_string("[1.50,  2]".to_owned()).expect("JSON");
        let values = (
            (1_i8, u64::MAX, i128::MIN, u128::MAX, 0.1_f32, -0.0_f64, f64::MAX, f32::MIN_POSITIVE),
            ('"', "text\n", None::<u8>, Some(()), vec![Some(1)], json!({"b": [1, {"a": null}]})),
            (BTreeMap::from([(1, "one")]), BTreeMap::from([(true, 1)]), &raw),
            Order { items: vec![Item { price: 2.5 }], kind: Some(Kind::Rate(Item { price: 1.0 })), ..Order::default() },
            Open { price: 1.0, extra: BTreeMap::from([("x".to_owned(), 1.0)]) },
            (Plain::One(1.0), Plain::Two(1.0, 2.0), Plain::Named { n: 3.0 }, Kind::Range { low: 1.0 }),
            std::net::Ipv4Addr::LOCALHOST,
        );
        assert_eq!(to_string("result", &values).expect("JSON"), serde_json::to_string(&values).expect("JSON"));
        assert_eq!(to_string("result", &Value::Null).expect("JSON"), "null");
    }

    #[test]
    fn a_writer_that_fails_is_told_apart() {
        let error = write("result", &mut [0; 2][..], &[f64::MAX]).expect_err("there is no room");
        assert!(error.is_io(), "{error}");
    }
}
