//! [`BatchCase`]: makes the call of one case, and compares its end with the expected one.

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::case_report::CaseReport;
use super::expectation::Expectation;
use crate::registry::ToolRegistry;
use crate::testing::caller::TestCaller;
use crate::testing::client::TestClient;

/// A call and its expectation.
#[derive(Debug, Clone)]
pub(super) struct BatchCase {
    pub(super) name: String,
    pub(super) tool: String,
    pub(super) params: Map<String, Value>,
    pub(super) user: Option<String>,
    pub(super) expectation: Expectation,
}

impl BatchCase {
    /// Makes the call, and compares its end.
    pub(super) async fn run(&self, registry: &ToolRegistry) -> CaseReport {
        let caller = self.user.as_ref().map_or_else(TestCaller::anonymous, TestCaller::user);
        let began = Instant::now();
        let outcome = TestClient::new(registry, caller).call(&self.tool, &self.params).await;
        let (name, tool, duration) = (self.name.clone(), self.tool.clone(), began.elapsed());
        CaseReport { name, tool, duration, failure: self.expectation.unmet_by(outcome.result()) }
    }
}
