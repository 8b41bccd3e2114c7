//! From the raw text of a call's params to the typed arguments of a function.
//!
//! The fast path reads the text once and decodes each argument where it stands. Only when something does not fit does the
//! slow path read it again, to name every bad argument at once and to accept what a model meant: `"42"` for a number.

mod bounds;
mod decode;
mod exact;
mod lenient;
mod parameter;
mod pattern;
mod problem;
mod rule;

pub use bounds::{Bound, Length, Ranged, Text};
pub(crate) use decode::decode;
pub use parameter::{Argument, IntoDefault, Parameter, Parameters};
pub use rule::{ArgumentProblem, ArgumentRule};

/// How strictly arguments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Take only what the schema allows: no number in a string, no `null` for an argument with a default.
    pub strict: bool,
    /// Ignore arguments the tool does not have.
    pub allow_unknown: bool,
}

impl Policy {
    /// Whether a name that is no parameter is passed over: the platform's envelopes begin with an underscore.
    fn ignores(self, name: &str) -> bool {
        self.allow_unknown || name.starts_with('_')
    }
}

#[cfg(test)]
mod tests;
