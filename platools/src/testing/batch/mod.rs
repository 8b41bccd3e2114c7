//! [`Batch`]: calls of tools with the results that are expected of them, written as YAML. The command `test` of a worker runs them.
//!
//! ```yaml
//! tests:
//!   - tool: find_item
//!     params: { item: lamp }
//!     expect: { left: 12 }                    # the result has these members, and may have others
//!   - tool: find_item
//!     params: { item: sofa }
//!     expect_error: unknown_item              # or `true`, for any error
//!   - name: an order is packed
//!     tool: pack_order
//!     user: ann                               # for whom the call is made
//!     params: { item: lamp, quantity: 2 }
//!     expect_exact: { item: lamp, quantity: 2, state: packed }
//!     expect_path: { "$.state": packed }      # JSON Path, RFC 9535
//!     expect_match: { "$.item": "^la" }       # a regular expression; without a path, for a result that is a text
//! ```
//!
//! Files of the existing SDKs, with `params` and `expect_success` or `expect_error`, run as they are.

mod case;
mod case_report;
mod coverage;
mod expectation;
mod file;
mod junit;
mod report;

use std::collections::BTreeSet;

use crate::registry::ToolRegistry;
use case::BatchCase;
use platools_transport::Error;

pub use case_report::CaseReport;
pub use coverage::{Coverage, ToolCoverage};
pub use report::BatchReport;

/// Calls of tools, each with an expectation.
///
/// ```
/// use platools::testing::Batch;
/// use platools::{ToolRegistry, tool, tools};
///
/// /// Add two numbers.
/// #[tool]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), platools::Error> {
/// let registry = ToolRegistry::new().with_tools(tools![add])?;
/// let batch = Batch::from_yaml(
///     "tests:
///        - { tool: add, params: { a: 2, b: 40 }, expect: 42 }
///        - { tool: add, params: { a: 2 }, expect_error: invalid_arguments }",
/// )?;
/// batch.run(&registry).await.assert_passed();
/// assert!(batch.coverage(&registry).is_complete());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    cases: Vec<BatchCase>,
}

impl Batch {
    /// Reads a batch.
    ///
    /// # Errors
    /// The text is no YAML, has an unknown key, or contradicts itself: [`InvalidSetting`](crate::ErrorKind::InvalidSetting). The message
    /// names the case.
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        Ok(Self { cases: file::cases(text)? })
    }

    /// The number of cases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Returns true if there are no cases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Runs the cases, one after the other.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn run(&self, registry: &ToolRegistry) -> BatchReport {
        let mut cases = Vec::new();
        for case in &self.cases {
            cases.push(case.run(registry).await);
        }
        BatchReport::new(cases)
    }

    /// The tools and arguments that the cases use.
    #[must_use]
    pub fn coverage(&self, registry: &ToolRegistry) -> Coverage {
        let tool = |name: &str| {
            let cases = self.cases.iter().filter(|case| case.tool == name);
            let arguments: BTreeSet<&str> =
                cases.clone().flat_map(|case| case.params.keys().map(String::as_str)).collect();
            (cases.count(), arguments)
        };
        Coverage::of(registry, tool)
    }
}

#[cfg(test)]
mod tests;
