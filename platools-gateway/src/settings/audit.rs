//! How long audit events are kept, and how many.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use platools_gateway::audit::AuditSettings;
use serde::{Deserialize, Serialize};

use super::span::Span;

/// Shorter than anybody takes to read what happened.
const SHORTEST_AGE: Duration = Duration::from_secs(60 * 60);

/// The settings of the audit that one place names.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenAudit {
    /// How long audit events are kept. Default: 90d.
    #[arg(id = "audit-max-age", long, value_name = "TIME", env = "PLATOOLS_GATEWAY_AUDIT_MAX_AGE")]
    max_age: Option<Span>,
    /// How many audit events of each kind are kept: changes, sign-ins, refusals. Default: 100000.
    #[arg(id = "audit-max-rows", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_AUDIT_MAX_ROWS")]
    max_rows: Option<NonZeroU32>,
}

/// How long audit events are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AuditBounds {
    /// How long events are kept. Default: 90 days.
    max_age: Span,
    /// How many events of each kind are kept. Default: 100,000.
    max_rows: NonZeroU32,
}

impl Default for AuditBounds {
    fn default() -> Self {
        let max_rows = NonZeroU32::new(100_000).expect("a default is not zero");
        Self { max_age: Span::from_secs(90 * 24 * 60 * 60), max_rows }
    }
}

impl AuditBounds {
    /// Refuses settings under which there would be no audit.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.max_age.get() >= SHORTEST_AGE, "`audit.max_age` is {}; it takes at least 1h", self.max_age);
        Ok(())
    }

    pub(crate) fn settings(&self) -> AuditSettings {
        AuditSettings::default().max_age(self.max_age.get()).max_rows(self.max_rows.get())
    }
}
