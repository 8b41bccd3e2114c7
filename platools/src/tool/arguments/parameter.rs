//! [`Parameter`]: holds the name, type, default and limits of one parameter, for the schema and for the decoder.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::Error as MissingError;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value;

use super::argument_limits::{Bound, End, Length, Ranged, Text, outside};
use super::pattern;
use super::problem::Problems;

/// A parameter of a typed tool.
///
/// The schema and the decoder both read it, so that they cannot disagree on what may be left out or what is in range.
pub struct Parameter<T> {
    name: &'static str,
    description: Cow<'static, str>,
    default: Option<fn() -> T>,
    keywords: Vec<(&'static str, Value)>,
    checks: Vec<Check<T>>,
    mistake: Option<String>,
}

/// Says what is wrong with a value, if anything.
type Check<T> = Box<dyn Fn(&T) -> Option<String> + Send + Sync>;

impl<T> Parameter<T> {
    /// A parameter that must be given, unless its type can do without a value, as `Option` can.
    pub fn new(name: &'static str, description: &'static str) -> Self {
        let description = Cow::Borrowed(description);
        Self { name, description, default: None, keywords: Vec::new(), checks: Vec::new(), mistake: None }
    }

    /// Described by a text that is not known when the tool is compiled.
    #[must_use]
    pub fn with_description(mut self, text: &str) -> Self {
        self.description = Cow::Owned(text.trim().to_owned());
        self
    }

    /// May be left out; the function then gets this value. To be called last: it checks the default against the limits, and
    /// one that lies outside of them is a mistake.
    #[must_use]
    pub fn with_default(mut self, default: fn() -> T) -> Self
    where
        T: Serialize,
    {
        let value = default();
        if let Some(problem) = self.checks.iter().find_map(|check| check(&value)) {
            self.mistake(format_args!("its default is not allowed: {problem}"));
        }
        // Written and read again, so that an `f32` is shown by its own decimal and not by that of an `f64` close to it.
        if let Some(json) = serde_json::to_string(&value).ok().and_then(|text| serde_json::from_str(&text).ok()) {
            self.keywords.push(("default", json));
        }
        self.default = Some(default);
        self
    }

    /// A number within a range.
    #[must_use]
    pub fn with_range(mut self, from: End<Bound>, to: End<Bound>) -> Self
    where
        T: Ranged,
    {
        self.keywords.extend(match from {
            End::Included(min) => Some(("minimum", min.json())),
            End::Excluded(min) => Some(("exclusiveMinimum", min.json())),
            End::Unbounded => None,
        });
        self.keywords.extend(match to {
            End::Included(max) => Some(("maximum", max.json())),
            End::Excluded(max) => Some(("exclusiveMaximum", max.json())),
            End::Unbounded => None,
        });
        self.checks.push(Box::new(move |value| outside(value.number()?, (from, to))));
        self
    }

    /// A length of at least `min` and, where there is a limit, at most `max`: of a string in characters, of a list in items,
    /// of a map in entries.
    #[must_use]
    pub fn with_length(mut self, min: usize, max: End<usize>) -> Self
    where
        T: Length,
    {
        let unit = T::UNIT;
        let max = match max {
            End::Included(max) => max,
            End::Excluded(end) => end.saturating_sub(1),
            End::Unbounded => usize::MAX,
        };
        if min > 0 {
            self.keywords.push((unit.min_keyword, min.into()));
        }
        if max < usize::MAX {
            self.keywords.push((unit.max_keyword, max.into()));
        }
        self.checks.push(Box::new(move |value| {
            let length = value.length()?;
            let limit = match length {
                _ if length < min => format!("at least {min}"),
                _ if length > max => format!("at most {max}"),
                _ => return None,
            };
            Some(format!("it has {length} {noun} and must have {limit}", noun = unit.noun))
        }));
        self
    }

    /// A string in which the pattern is found. One that is no regular expression of JSON Schema is a mistake.
    #[must_use]
    pub fn with_pattern(mut self, pattern: &'static str) -> Self
    where
        T: Text,
    {
        self.keywords.push(("pattern", pattern.into()));
        match pattern::compile(pattern) {
            Err(problem) => self.mistake(format_args!("its pattern `{pattern}` cannot be used: {problem}")),
            Ok(regex) => self.checks.push(Box::new(move |value| {
                (!regex.is_match(value.text()?)).then(|| format!("it does not match the pattern {pattern}"))
            })),
        }
        self
    }

    /// Tells the doctor whether people know the value, so that no other tool has to return it.
    #[must_use]
    pub fn with_user_providable(mut self, is_user_providable: bool) -> Self {
        if is_user_providable {
            self.keywords.push(("x-user-providable", true.into()));
        }
        self
    }

    /// Notes what the author got wrong, which they learn when the tool is registered.
    fn mistake(&mut self, problem: fmt::Arguments<'_>) {
        self.mistake.get_or_insert_with(|| format!("argument `{}`: {problem}", self.name));
    }
}

impl<T: DeserializeOwned> Parameter<T> {
    /// The value of an argument that was left out; `None` where it must be given.
    fn absent(&self) -> Option<T> {
        match self.default {
            Some(default) => Some(default()),
            // The way serde itself tells which fields of a struct may be missing: those that take `none`.
            None => T::deserialize(Missing).ok(),
        }
    }

    /// The value the function gets, once the argument is known to be given or not.
    fn settle(&self, given: Option<T>, problems: &mut Problems) -> Option<T> {
        let Some(value) = given else {
            let absent = self.absent();
            if absent.is_none() && !problems.concern(self.name) {
                problems.add(self.name, &[], "it is required and missing");
            }
            return absent;
        };
        for check in &self.checks {
            if let Some(message) = check(&value) {
                problems.add(self.name, &[], message);
            }
        }
        Some(value)
    }
}

impl<T> fmt::Debug for Parameter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A parameter whatever its type.
pub trait AnyParameter {
    /// Its name on the wire.
    fn name(&self) -> &'static str;
    /// True if the argument must be given.
    fn is_required(&self) -> bool;
    /// The keywords of its schema that it checks itself.
    fn limits(&self) -> Vec<&'static str>;
    /// The author's mistake, if there is one. A tool with such a parameter is refused.
    fn mistake(&self) -> Option<&str>;
    /// Its schema, with definitions collected in the generator.
    fn schema(&self, generator: &mut SchemaGenerator) -> Value;
}

impl<T: DeserializeOwned + JsonSchema> AnyParameter for Parameter<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_required(&self) -> bool {
        self.absent().is_none()
    }

    fn limits(&self) -> Vec<&'static str> {
        names(&self.keywords)
    }

    fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Value {
        with_keywords(generator.subschema_for::<T>(), &self.description, &self.keywords)
    }
}

// Functions of their own, so that they are compiled once and not for each type of an argument.

fn names(keywords: &[(&'static str, Value)]) -> Vec<&'static str> {
    keywords.iter().map(|(keyword, _)| *keyword).collect()
}

fn with_keywords(mut schema: Schema, description: &str, keywords: &[(&'static str, Value)]) -> Value {
    let fields = schema.ensure_object();
    if !description.is_empty() {
        fields.insert("description".to_owned(), description.into());
    }
    for (keyword, value) in keywords {
        fields.insert((*keyword).to_owned(), value.clone());
    }
    schema.to_value()
}

/// Types that may be arguments: they are read from JSON and have a schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a tool",
    label = "an argument is read from JSON and described by a schema",
    note = "it needs `serde::Deserialize`, `schemars::JsonSchema` and `Send`; derive the first two for `{Self}`",
    note = "borrow it (`&{Self}`) if the caller does not send it: borrowed parameters come from the registry's state"
)]
pub trait Argument: DeserializeOwned + JsonSchema + Send + 'static {}
// Without this the compiler names the first trait of the three that is missing, and nothing of what to do.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Argument for T {}

/// The parameters of a tool, whatever their types, for code that is compiled once and not for each tool.
pub trait ParameterList {
    /// Shows each parameter in turn.
    fn each(&self, show: &mut dyn FnMut(&dyn AnyParameter));
}

/// The parameters of a tool: a nested pair `(Parameter<A>, (Parameter<B>, ()))`, which has no limit to its length.
pub trait Parameters: ParameterList + Send + Sync + 'static {
    /// The arguments that were read so far.
    type Slots: Default + Send;
    /// The values for the function.
    type Values: Send;

    /// The position of a parameter.
    fn position(&self, name: &str) -> Option<usize>;

    /// Decodes an argument into its slot.
    ///
    /// # Errors
    /// The value does not fit, or the argument was given before.
    fn decode<'de, D: Deserializer<'de>>(
        &self,
        position: usize,
        slots: &mut Self::Slots,
        deserializer: D,
    ) -> Result<(), D::Error>;

    /// Fills in what was left out and checks the limits; `None` where something required is missing.
    fn settle(&self, slots: Self::Slots, problems: &mut Problems) -> Option<Self::Values>;
}

impl ParameterList for () {
    fn each(&self, _: &mut dyn FnMut(&dyn AnyParameter)) {}
}

impl<T: Argument, Rest: ParameterList> ParameterList for (Parameter<T>, Rest) {
    fn each(&self, show: &mut dyn FnMut(&dyn AnyParameter)) {
        show(&self.0);
        self.1.each(show);
    }
}

impl Parameters for () {
    type Slots = ();
    type Values = ();

    fn position(&self, _name: &str) -> Option<usize> {
        None
    }

    fn decode<'de, D: Deserializer<'de>>(&self, _: usize, (): &mut (), _: D) -> Result<(), D::Error> {
        Err(D::Error::custom("there is no such parameter"))
    }

    fn settle(&self, (): (), _: &mut Problems) -> Option<()> {
        Some(())
    }
}

impl<T, Rest> Parameters for (Parameter<T>, Rest)
where
    T: Argument,
    Rest: Parameters,
{
    type Slots = (Option<T>, Rest::Slots);
    type Values = (T, Rest::Values);

    fn position(&self, name: &str) -> Option<usize> {
        if name == self.0.name { Some(0) } else { self.1.position(name).map(|position| position + 1) }
    }

    fn decode<'de, D: Deserializer<'de>>(
        &self,
        position: usize,
        slots: &mut Self::Slots,
        deserializer: D,
    ) -> Result<(), D::Error> {
        let Some(position) = position.checked_sub(1) else {
            if slots.0.is_some() {
                return Err(D::Error::custom("it is given twice"));
            }
            slots.0 = Some(T::deserialize(deserializer)?);
            return Ok(());
        };
        self.1.decode(position, &mut slots.1, deserializer)
    }

    fn settle(&self, slots: Self::Slots, problems: &mut Problems) -> Option<Self::Values> {
        // Both halves are settled before either is looked at, so that every problem is found.
        let (value, rest) = (self.0.settle(slots.0, problems), self.1.settle(slots.1, problems));
        Some((value?, rest?))
    }
}

/// Values that a default may be written as.
#[diagnostic::on_unimplemented(
    message = "the default is a `{Self}`, and the argument takes a `{T}`",
    label = "this is not a `{T}`"
)]
pub trait IntoDefault<T> {
    /// The default.
    fn into_default(self) -> T;
}

impl<T> IntoDefault<Option<T>> for T {
    fn into_default(self) -> Option<T> {
        Some(self)
    }
}

impl IntoDefault<Option<String>> for &str {
    fn into_default(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl<T> IntoDefault<T> for T {
    fn into_default(self) -> T {
        self
    }
}

impl IntoDefault<String> for &str {
    fn into_default(self) -> String {
        self.to_owned()
    }
}

/// Deserializes into whatever a type is when nothing was given, and fails for types that need something.
struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = MissingError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, MissingError> {
        Err(MissingError::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MissingError> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, MissingError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}
