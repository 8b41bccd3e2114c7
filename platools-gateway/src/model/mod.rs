//! `ModelAgent`: an agent that answers with a language model behind an endpoint for chat completions.
//!
//! A run has several turns. In each, the model gets the messages and the tools, and answers with text or with calls; the results of the calls
//! go into the next turn. Messages, arguments and results get into no log, nor do the endpoint's key and its error texts.

mod blame;
mod calls;
mod chunk;
mod endpoint;
mod events;
mod failure;
mod messages;
mod offer;
mod refused;
mod retry;
mod run;
mod settings;
mod stream;
mod turn;
mod untold;

use std::fmt;

use futures::FutureExt as _;
use futures::future::BoxFuture;

pub use crate::settings::ModelSettings;

use crate::agents::{Agent, Answer, Input, RunTools, Speech};
use crate::domain::error::Error;
use crate::domain::profile::Profile;
use endpoint::Endpoint;
use refused::RefusedTools;
use run::Run;
use untold::Untold;

/// An agent that thinks with a language model.
pub(crate) struct ModelAgent {
    endpoint: Endpoint,
    settings: ModelSettings,
    untold: Untold,
    refused: RefusedTools,
}

impl ModelAgent {
    /// Gets ready to ask. Whether the endpoint is there is seen when there is something to ask.
    ///
    /// # Errors
    /// Like [`ModelSettings::check`], or the system's certificate authorities cannot be read.
    pub(crate) fn new(settings: ModelSettings) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::new(&settings)?,
            settings,
            untold: Untold::default(),
            refused: RefusedTools::default(),
        })
    }
}

impl Agent for ModelAgent {
    fn check(&self, profile: &Profile) -> Result<(), Error> {
        run::model_of(self, profile).map(drop)
    }

    fn run<'a>(
        &'a self,
        input: Input<'a>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        async move { Run::new(self, input, tools, speech).await?.finish().await }.boxed()
    }
}

impl fmt::Debug for ModelAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelAgent").field("settings", &self.settings).finish_non_exhaustive()
    }
}
