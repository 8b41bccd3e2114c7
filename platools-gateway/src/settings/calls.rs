//! `CallWaits`: how long calls may take, and wait for workers that are not connected.

use anyhow::ensure;
use clap::Args;
use platools_gateway::CallSettings;
use serde::{Deserialize, Serialize};

use super::SHORTEST_PATIENCE;
use super::span::Span;

/// The wait of calls, as flags with their variables, and as a file.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenCalls {
    /// How long a call waits for a worker that is reconnecting; 0s fails it at once. Default: 2s.
    #[arg(
        id = "calls_wait_for_worker",
        long = "calls-wait-for-worker",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_CALLS_WAIT_FOR_WORKER"
    )]
    wait_for_worker: Option<Span>,
    /// How long a call waits for its answer once its connection has ended, if the worker knows no extensions. Default: 2s.
    #[arg(
        id = "calls_wait_for_lost_answer",
        long = "calls-wait-for-lost-answer",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_CALLS_WAIT_FOR_LOST_ANSWER"
    )]
    wait_for_lost_answer: Option<Span>,
    /// The longest time that a call may take, whatever its caller names or its tool declares. Default: 10m.
    #[arg(
        id = "calls_max_timeout",
        long = "calls-max-timeout",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_CALLS_MAX_TIMEOUT"
    )]
    max_timeout: Option<Span>,
    /// How long a call waits for its worker to come back once its connection has ended. Default: 30s.
    #[arg(
        id = "calls_worker_return",
        long = "calls-worker-return",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_CALLS_WORKER_RETURN"
    )]
    worker_return: Option<Span>,
}

/// The times that calls wait for workers that are not connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CallWaits {
    /// The wait for a worker that is reconnecting. Default: 2 seconds.
    wait_for_worker: Span,
    /// The wait for an answer once the connection has ended, if the worker knows no extensions. Default: 2 seconds.
    wait_for_lost_answer: Span,
    /// The longest time that a call may take. Default: 10 minutes.
    max_timeout: Span,
    /// The wait for the worker to come back once the connection has ended. Default: 30 seconds.
    worker_return: Span,
}

impl Default for CallWaits {
    fn default() -> Self {
        let CallSettings { wait_for_worker, wait_for_lost_answer, worker_return, max_timeout, .. } =
            CallSettings::default();
        Self {
            wait_for_worker: wait_for_worker.into(),
            wait_for_lost_answer: wait_for_lost_answer.into(),
            worker_return: worker_return.into(),
            max_timeout: max_timeout.into(),
        }
    }
}

impl CallWaits {
    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> CallSettings {
        let mut settings = CallSettings::default();
        settings.wait_for_worker = self.wait_for_worker.get();
        settings.wait_for_lost_answer = self.wait_for_lost_answer.get();
        settings.max_timeout = self.max_timeout.get();
        settings.worker_return = self.worker_return.get();
        settings
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let longest = self.max_timeout;
        ensure!(longest.get() >= SHORTEST_PATIENCE, "`calls.max_timeout` is {longest}; it takes at least 1s");
        Ok(())
    }
}
