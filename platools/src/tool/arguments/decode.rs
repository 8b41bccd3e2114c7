//! [`Decoder`]: decodes the JSON text of a call's arguments into the values of a tool's function.
//!
//! It reads the text once. Only if the text does not fit, the [`ArgumentRule`](super::ArgumentRule) of the tool repairs it or names every
//! problem.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Policy;
use super::diagnose::diagnose;
use super::exact_deserializer::Exact;
use super::field_limits::limits_fields;
use super::parameter::{ParameterList, Parameters};
use super::problem::Problems;
use super::rule::{ArgumentRule, InvalidArguments};
use super::text_formats::{exclude_nothing, form_at};
use super::whole_numbers::with_whole_numbers;
use crate::tool::error::ToolError;
use crate::tool::schema::input_schema;

/// Decodes the arguments of one tool's calls.
pub(crate) struct Decoder<P> {
    parameters: P,
    policy: Policy,
    /// True if the schema limits the fields of types, which decoding does not check.
    limits_fields: bool,
    /// The rule, built for the first call that needs it. None if the schema is one that cannot be checked.
    rule: OnceLock<Option<ArgumentRule>>,
}

impl<P: Parameters> Decoder<P> {
    pub(crate) fn new(parameters: P, policy: Policy) -> Self {
        let limits_fields = limits_fields(&parameters, input_schema(&parameters, policy.allow_unknown));
        Self { parameters, policy, limits_fields, rule: OnceLock::new() }
    }

    /// Decodes the arguments of one call.
    ///
    /// # Errors
    /// They do not fit, also not with the changes that the rule makes. The failure names every bad argument.
    pub(crate) fn decode(&self, text: &str) -> Result<P::Values, ToolError> {
        if !self.limits_fields
            && let Ok(slots) = self.all_at_once(text)
            && let Ok(values) = self.settle(slots, Problems::default())
        {
            return Ok(values);
        }
        self.fit(text)
    }

    fn fit(&self, text: &str) -> Result<P::Values, ToolError> {
        // A schema that cannot be checked leaves the types of the parameters to say what is wrong.
        let Some(rule) = self.rule() else { return self.diagnose(text) };
        let text = rule.fit(text).map_err(|invalid| self.explained(text, invalid))?;
        let whole = || with_whole_numbers(&text);
        match self.all_at_once(&text).or_else(|error| whole().map_or(Err(error), |text| self.all_at_once(&text))) {
            Ok(slots) => self.settle(slots, Problems::default()),
            Err(_) => self.diagnose(&text),
        }
    }

    /// The failure, in the words of the parameters' types where the rule has none.
    fn explained(&self, text: &str, invalid: InvalidArguments) -> ToolError {
        let diagnosed = if invalid.is_explained() { None } else { self.diagnose(text).err() };
        diagnosed.unwrap_or_else(|| invalid.into_tool_error())
    }

    fn diagnose(&self, text: &str) -> Result<P::Values, ToolError> {
        let text = with_whole_numbers(text).map_or(Cow::Borrowed(text), Cow::Owned);
        let mut problems = Problems::default();
        let slots = diagnose(&self.parameters, self.policy, &text, &mut problems);
        if !problems.is_empty() {
            let schema = input_schema(&self.parameters, self.policy.allow_unknown);
            problems.explain(|path| form_at(&schema, path));
        }
        self.settle(slots, problems)
    }

    fn settle(&self, slots: P::Slots, mut problems: Problems) -> Result<P::Values, ToolError> {
        match self.parameters.settle(slots, &mut problems) {
            Some(values) if problems.is_empty() => Ok(values),
            _ => Err(problems.into_error()),
        }
    }

    fn rule(&self) -> Option<&ArgumentRule> {
        rule(&self.rule, &self.parameters, self.policy)
    }

    fn all_at_once(&self, text: &str) -> serde_json::Result<P::Slots> {
        all_at_once(&self.parameters, self.policy, text)
    }
}

/// The rule of a tool. A function of its own, so that it is compiled once and not for each tool.
fn rule<'a>(
    built: &'a OnceLock<Option<ArgumentRule>>,
    parameters: &dyn ParameterList,
    policy: Policy,
) -> Option<&'a ArgumentRule> {
    let build = || {
        let mut schema = input_schema(parameters, policy.allow_unknown);
        exclude_nothing(&mut schema);
        let rule = ArgumentRule::new(&schema).ok()?;
        Some(if policy.strict { rule.strict() } else { rule })
    };
    built.get_or_init(build).as_ref()
}

fn all_at_once<P: Parameters>(parameters: &P, policy: Policy, text: &str) -> serde_json::Result<P::Slots> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let slots = deserializer.deserialize_map(ArgumentsVisitor { parameters, policy })?;
    deserializer.end()?;
    Ok(slots)
}

struct ArgumentsVisitor<'a, P> {
    parameters: &'a P,
    policy: Policy,
}

impl<'de, P: Parameters> Visitor<'de> for ArgumentsVisitor<'_, P> {
    type Value = P::Slots;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<P::Slots, A::Error> {
        let mut slots = P::Slots::default();
        while let Some(position) =
            map.next_key_seed(ArgumentName { parameters: self.parameters, policy: self.policy })?
        {
            match position {
                Some(position) => {
                    map.next_value_seed(ArgumentSlot { parameters: self.parameters, position, slots: &mut slots })?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(slots)
    }
}

/// The position of the parameter a key names; `None` where the argument is passed over.
struct ArgumentName<'a, P> {
    parameters: &'a P,
    policy: Policy,
}

impl<'de, P: Parameters> DeserializeSeed<'de> for ArgumentName<'_, P> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<P: Parameters> Visitor<'_> for ArgumentName<'_, P> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an argument")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        match self.parameters.position(name) {
            None if !self.policy.ignores(name) => Err(E::custom("there is no such argument")),
            position => Ok(position),
        }
    }
}

struct ArgumentSlot<'a, P: Parameters> {
    parameters: &'a P,
    position: usize,
    slots: &'a mut P::Slots,
}

impl<'de, P: Parameters> DeserializeSeed<'de> for ArgumentSlot<'_, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.parameters.decode(self.position, self.slots, Exact(deserializer))
    }
}
