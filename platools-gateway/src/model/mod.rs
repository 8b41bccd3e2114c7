//! `ModelAgent`: an agent that thinks with a language model behind an `OpenAI`-compatible endpoint.
//!
//! A run is a few turns: the model gets the messages and the tools, answers or calls tools, gets their results, and so on until it calls
//! none. Messages, arguments and results never reach a log; the endpoint's key and error texts are never shown.

mod answer_stream;
mod chunk;
mod endpoint;
mod failure;
mod messages;
mod refused_part;
mod request;
mod retry;
mod run;
mod settings;
mod sse;
mod tool_calls;
mod tool_memory;
mod tool_offer;
mod turn;

use std::fmt;

use futures::FutureExt as _;
use futures::future::BoxFuture;

pub use crate::settings::ModelSettings;

use crate::agents::{AgentRunner, RunInput, RunOutput, RunTools, Speech};
use crate::domain::agent_profile::Profile;
use crate::domain::error::{Error, ErrorKind};
use endpoint::Endpoint;
use run::ModelRun;
use tool_memory::ToolMemory;
use tool_offer::ToolOffer;

/// An agent that thinks with a language model.
pub(crate) struct ModelAgent {
    endpoint: Endpoint,
    settings: ModelSettings,
    memory: ToolMemory,
}

impl ModelAgent {
    /// An agent for an endpoint, which is not asked yet.
    ///
    /// # Errors
    /// Like [`ModelSettings::check`], or the system's certificate authorities cannot be read.
    pub(crate) fn new(settings: ModelSettings) -> Result<Self, Error> {
        Ok(Self { endpoint: Endpoint::new(&settings)?, settings, memory: ToolMemory::default() })
    }

    /// The model of an agent: the profile's, or else the gateway's.
    fn model_of<'a>(&'a self, profile: &'a Profile) -> Result<&'a str, Error> {
        profile.model.as_deref().or(self.settings.name.as_deref()).ok_or_else(|| {
            let message =
                "this agent's profile names no model, and the gateway has none of its own; name one with `--model`";
            Error::new(ErrorKind::NotConfigured, message)
        })
    }
}

impl AgentRunner for ModelAgent {
    fn check(&self, profile: &Profile) -> Result<(), Error> {
        self.model_of(profile).map(drop)
    }

    fn run<'a>(
        &'a self,
        input: RunInput<'a>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> BoxFuture<'a, Result<RunOutput, Error>> {
        async move {
            let model = self.model_of(input.profile)?;
            let offer = ToolOffer::new(&self.memory, model, tools, input.profile, self.settings.max_tools).await;
            ModelRun::new(&self.endpoint, &self.settings, offer, &input, speech).finish().await
        }
        .boxed()
    }
}

impl fmt::Debug for ModelAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelAgent").field("settings", &self.settings).finish_non_exhaustive()
    }
}
