//! [`Turn`]: one answer of a model: its text, and the calls of tools that it requests.

use super::answer_stream::AnswerStream;
use super::chunk::{CallDelta, Delta};
use super::failure::ModelFailure;
use super::tool_calls::ModelCall;
use crate::agents::{Speech, Usage};

/// Bytes of the text and the calls of one turn.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most calls of one turn.
const MAX_CALLS: usize = 256;

const TOO_MUCH: ModelFailure = ModelFailure::Unreadable("its answer has no end");

/// A turn of a model.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) text: String,
    pub(super) calls: Vec<ModelCall>,
    pub(super) usage: Usage,
}

#[derive(Default)]
struct TurnParts {
    text: String,
    calls: Vec<CallParts>,
    bytes: usize,
}

/// The parts of a call that have arrived.
#[derive(Debug, Default)]
struct CallParts {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

impl Turn {
    /// Reads an answer to its end, and passes its text on meanwhile.
    pub(super) async fn read(mut answer: AnswerStream, speech: &Speech<'_>) -> Result<Self, ModelFailure> {
        let (mut parts, mut usage, mut reason) = (TurnParts::default(), Usage::default(), None);
        loop {
            let chunk = match answer.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // The answer was complete; only its usage is missing.
                Err(_) if reason.is_some() => break,
                Err(failure) => return Err(failure),
            };
            // Endpoints that repeat the usage send the whole of it each time.
            usage = chunk.usage().unwrap_or(usage);
            let (delta, over) = chunk.into_delta();
            parts.add(delta, speech)?;
            reason = over.or(reason);
        }
        if reason.is_none() && !answer.is_done() {
            return Err(ModelFailure::Cut(None));
        }
        if reason.as_deref() == Some("content_filter") && parts.is_empty() {
            return Err(ModelFailure::Withheld);
        }
        Ok(parts.into_turn(usage))
    }
}

impl TurnParts {
    fn add(&mut self, delta: Delta, speech: &Speech<'_>) -> Result<(), ModelFailure> {
        for text in [delta.content, delta.refusal].into_iter().flatten() {
            self.count(text.len())?;
            speech.say(&text);
            self.text.push_str(&text);
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.add_call(call)?;
        }
        Ok(())
    }

    fn add_call(&mut self, delta: CallDelta) -> Result<(), ModelFailure> {
        let function = delta.function.unwrap_or_default();
        let (id, name) = (delta.id.unwrap_or_default(), function.name.unwrap_or_default());
        let arguments = function.arguments.unwrap_or_default();
        self.count(id.len() + name.len() + arguments.len())?;
        let call = self.call(delta.index, &id)?;
        // Some endpoints repeat the whole of them in each part.
        for (known, said) in [(&mut call.id, id), (&mut call.name, name)] {
            if known.is_empty() {
                *known = said;
            }
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }

    /// The call that a part belongs to. Some endpoints number no calls, or give all the same number: then their ids differ.
    fn call(&mut self, index: Option<u32>, id: &str) -> Result<&mut CallParts, ModelFailure> {
        let is_same = |call: &&CallParts| {
            let same_id = id.is_empty() || call.id.is_empty() || call.id == id;
            same_id && index.is_none_or(|index| call.index == index)
        };
        let found = match index {
            Some(_) => self.calls.iter().rposition(|call| is_same(&call)),
            None => self.calls.last().filter(is_same).map(|_| self.calls.len() - 1),
        };
        let at = match found {
            Some(at) => at,
            None if self.calls.len() == MAX_CALLS => return Err(TOO_MUCH),
            None => {
                self.calls.push(CallParts { index: index.unwrap_or_default(), ..CallParts::default() });
                self.calls.len() - 1
            }
        };
        Ok(&mut self.calls[at])
    }

    fn count(&mut self, bytes: usize) -> Result<(), ModelFailure> {
        self.bytes += bytes;
        if self.bytes > MAX_BYTES { Err(TOO_MUCH) } else { Ok(()) }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.calls.is_empty()
    }

    fn into_turn(self, usage: Usage) -> Turn {
        let calls = self.calls.into_iter().map(|call| ModelCall::new(call.id, call.name, &call.arguments)).collect();
        Turn { text: self.text, calls, usage }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::FunctionDelta;
    use super::*;

    fn part(index: Option<u32>, id: &str, name: &str, arguments: &str) -> CallDelta {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        CallDelta {
            index,
            id: some(id),
            function: Some(FunctionDelta { name: some(name), arguments: some(arguments) }),
        }
    }

    fn calls(parts: Vec<CallDelta>) -> Vec<(String, String)> {
        let mut all = TurnParts::default();
        for part in parts {
            all.add_call(part).unwrap();
        }
        all.calls.into_iter().map(|call| (call.name, call.arguments)).collect()
    }

    fn expected() -> Vec<(String, String)> {
        [("a", "{\"x\":1}"), ("b", "{}")].map(|(name, arguments)| (name.to_owned(), arguments.to_owned())).to_vec()
    }

    #[test]
    fn calls_are_put_together_from_their_parts() {
        let (first, second) = (Some(0), Some(1));
        let mixed = vec![
            part(first, "1", "a", ""),
            part(first, "", "", "{\"x\""),
            part(second, "2", "b", "{"),
            part(first, "", "", ":1}"),
            part(second, "2", "b", "}"),
        ];
        assert_eq!(calls(mixed), expected());
    }

    #[test]
    fn calls_that_are_not_numbered_are_told_apart_by_their_ids() {
        for index in [None, Some(0)] {
            let parts = vec![part(index, "1", "a", "{\"x\""), part(index, "", "", ":1}"), part(index, "2", "b", "{}")];
            assert_eq!(calls(parts), expected());
        }
    }

    #[test]
    fn a_turn_without_an_end_is_given_up() {
        let mut parts = TurnParts::default();
        for index in 0..MAX_CALLS {
            parts.add_call(part(u32::try_from(index).ok(), "", "a", "")).unwrap();
        }
        assert!(parts.add_call(part(Some(u32::MAX), "", "a", "")).is_err());
        assert!(parts.count(MAX_BYTES).is_err());
    }
}
