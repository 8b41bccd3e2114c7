//! How much is kept of calls under idempotency keys.

use std::num::NonZeroU32;

use clap::Args;
use platools_gateway::IdempotencySettings;
use serde::{Deserialize, Serialize};

use super::size::Size;

/// What was said of calls under idempotency keys.
///
/// Their ids begin with `idempotency_`, because other settings have the same names.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenIdempotency {
    /// Longest answer that is kept under an idempotency key. Default: 1MiB.
    #[arg(
        id = "idempotency_max_answer",
        long = "idempotency-max-answer",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_IDEMPOTENCY_MAX_ANSWER"
    )]
    max_answer: Option<Size>,
    /// How much room the answers of one project may take. Default: 256MiB.
    #[arg(
        id = "idempotency_max_project_size",
        long = "idempotency-max-project-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_IDEMPOTENCY_MAX_PROJECT_SIZE"
    )]
    max_project_size: Option<Size>,
    /// How much room the answers of all projects may take. Default: 1GiB.
    #[arg(
        id = "idempotency_max_size",
        long = "idempotency-max-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_IDEMPOTENCY_MAX_SIZE"
    )]
    max_size: Option<Size>,
    /// Idempotency keys of one project that are remembered. Default: 1000000.
    #[arg(
        id = "idempotency_max_keys",
        long = "idempotency-max-keys",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_IDEMPOTENCY_MAX_KEYS"
    )]
    max_keys: Option<NonZeroU32>,
}

/// How much is kept of calls under idempotency keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Idempotency {
    /// Longest answer that is kept. Default: 1 MiB.
    max_answer: Size,
    /// Room of the answers of one project. Default: 256 MiB.
    max_project_size: Size,
    /// Room of the answers of all projects. Default: 1 GiB.
    max_size: Size,
    /// Keys of one project. Default: 1,000,000.
    max_keys: NonZeroU32,
}

impl Default for Idempotency {
    fn default() -> Self {
        let IdempotencySettings { max_answer_bytes, max_project_bytes, max_bytes, max_keys, .. } =
            IdempotencySettings::default();
        Self {
            max_answer: Size::bytes(max_answer_bytes),
            max_project_size: Size::bytes(max_project_bytes),
            max_size: Size::bytes(max_bytes),
            max_keys: NonZeroU32::new(max_keys).expect("a default is not zero"),
        }
    }
}

impl Idempotency {
    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> IdempotencySettings {
        let mut settings = IdempotencySettings::default();
        settings.max_answer_bytes = self.max_answer.get();
        settings.max_project_bytes = self.max_project_size.get();
        settings.max_bytes = self.max_size.get();
        settings.max_keys = self.max_keys.get();
        settings
    }
}
