//! [`Chunk`]: one part of a model's streamed answer, as JSON. Every member is optional, because endpoints leave out different ones.

use serde::Deserialize;
use serde_json::Value;

use super::failure::ModelFailure;
use crate::agents::Usage;

/// A part of a streamed answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

/// The addition to the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    pub(super) content: Option<String>,
    /// Text of a model that refuses to answer.
    pub(super) refusal: Option<String>,
    pub(super) tool_calls: Option<Vec<CallDelta>>,
}

/// The addition to a call of a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallDelta {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionDelta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionDelta {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Chunk {
    pub(super) fn read(data: &[u8]) -> Result<Self, ModelFailure> {
        // The text of the error is left out: it may repeat the model's answer.
        let chunk: Self = serde_json::from_slice(data)
            .map_err(|_| ModelFailure::Unreadable("a part of its answer is no chat completion"))?;
        match &chunk.error {
            Some(error) => Err(ModelFailure::in_answer(error)),
            None => Ok(chunk),
        }
    }

    /// The tokens used so far, if the endpoint says.
    pub(super) fn usage(&self) -> Option<Usage> {
        let Tokens { prompt_tokens, completion_tokens } = self.usage.as_ref()?;
        Some(Usage {
            input_tokens: prompt_tokens.unwrap_or_default(),
            output_tokens: completion_tokens.unwrap_or_default(),
        })
    }

    /// The addition to the first answer, and the reason of its end if it has ended. Requests ask for one answer.
    pub(super) fn into_delta(self) -> (Delta, Option<String>) {
        let choice = self.choices.unwrap_or_default().into_iter().next().unwrap_or_default();
        (choice.delta.unwrap_or_default(), choice.finish_reason.filter(|reason| !reason.is_empty()))
    }
}
