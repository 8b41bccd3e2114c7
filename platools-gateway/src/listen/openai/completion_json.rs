//! [`Head`]: writes the JSON of a chat completion, as one object or in chunks for a stream. It has the fields that all chunks share.

use serde_json::{Value, json};

use crate::agents::Usage;
use crate::domain::random;
use crate::ports::time::now_ms;

/// The fields that all parts of one answer share.
#[derive(Debug, Clone)]
pub(super) struct Head {
    id: String,
    created: i64,
    model: String,
}

impl Head {
    pub(super) fn new(model: &str) -> Self {
        let id = format!("chatcmpl-{}", random::hex_of::<12>());
        Self { id, created: now_ms() / 1000, model: model.to_owned() }
    }

    /// The whole completion.
    pub(super) fn whole(&self, text: &str, usage: Usage) -> Value {
        let message = json!({"role": "assistant", "content": text, "refusal": null});
        let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"});
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [choice], "usage": tokens(usage),
        })
    }

    /// The chunk before the text.
    pub(super) fn first_chunk(&self) -> Value {
        self.choice(&json!({"role": "assistant", "content": ""}), None)
    }

    /// A chunk of the text.
    pub(super) fn text_chunk(&self, text: &str) -> Value {
        self.choice(&json!({"content": text}), None)
    }

    /// The chunk after the text.
    pub(super) fn last_chunk(&self) -> Value {
        self.choice(&json!({}), Some("stop"))
    }

    /// The chunk with the usage of tokens.
    pub(super) fn usage_chunk(&self, usage: Usage) -> Value {
        let mut chunk = self.chunk(&json!([]));
        chunk["usage"] = tokens(usage);
        chunk
    }

    fn choice(&self, delta: &Value, reason: Option<&str>) -> Value {
        self.chunk(&json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]))
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        })
    }
}

fn tokens(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}
