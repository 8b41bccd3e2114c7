//! Decoding of a call's arguments: [`Decoder`] makes the values of a function from the text of the call's params.
//!
//! [`ArgumentRule`] accepts arguments as models write them, such as `"42"` for a number or a list as JSON in a string. It needs only the
//! tool's schema, so a platform can apply the same rule as the worker behind it.

mod argument_limits;
mod decode;
mod diagnose;
mod exact_deserializer;
mod field_limits;
mod lone_surrogates;
mod parameter;
mod pattern;
mod problem;
pub(crate) mod raw_members;
mod rule;
mod suggestion;
mod text_formats;
mod whole_numbers;

pub use argument_limits::{Bound, Length, Ranged, Text};
pub(crate) use decode::Decoder;
pub use lone_surrogates::well_formed;
pub use parameter::{Argument, IntoDefault, Parameter, ParameterList, Parameters};
pub use rule::{ArgumentProblem, ArgumentRule, InvalidArguments, UncheckableSchema, object_in_text};

/// The strictness with which arguments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Take only what fits the schema as it is: no number in a string, no `null` for an argument that may be left out.
    pub strict: bool,
    /// Ignore arguments the tool does not have.
    pub allow_unknown: bool,
}

impl Policy {
    /// Returns true if a name that is no parameter is passed over: the platform's envelopes begin with an underscore.
    fn ignores(self, name: &str) -> bool {
        self.allow_unknown || name.starts_with('_')
    }
}

#[cfg(test)]
mod tests;
