//! From the raw text of a call's params to the typed arguments of a function: [`Decoder`].
//!
//! [`ArgumentRule`] takes arguments as models write them: `"42"` for a number, a list as JSON in a string. It is driven by the schema alone, so
//! that a platform has the same rule as the worker behind it.

mod bounds;
mod decode;
mod diagnose;
mod exact;
mod formats;
mod limits;
pub(crate) mod members;
mod numbers;
mod parameter;
mod pattern;
mod problem;
mod rule;
mod surrogates;

pub use bounds::{Bound, Length, Ranged, Text};
pub(crate) use decode::Decoder;
pub use parameter::{Argument, IntoDefault, Parameter, ParameterList, Parameters};
pub use rule::{ArgumentProblem, ArgumentRule, InvalidArguments, UncheckableSchema, object_in_text};
pub use surrogates::well_formed;

/// Rules for reading arguments: strict or not, with or without unknown names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Take only what fits the schema as it is: no number in a string, no `null` for an argument that may be left out.
    pub strict: bool,
    /// Ignore arguments the tool does not have.
    pub allow_unknown: bool,
}

impl Policy {
    /// True if a name that is no parameter is passed over: the platform's envelopes begin with an underscore.
    fn ignores(self, name: &str) -> bool {
        self.allow_unknown || name.starts_with('_')
    }
}

#[cfg(test)]
mod tests;
