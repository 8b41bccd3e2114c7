//! [`McpRequest`]: carries the caller, the trace and the permit of one HTTP request to the code that handles its MCP message.

use std::sync::{Arc, Mutex};

use platools::mcp::{MessageHead, with_part};
use serde_json::value::RawValue;

use crate::background::offload::IN_PLACE_BYTES;
use crate::calls::CallPermit;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::domain::trace::TraceContext;

/// The parts of an HTTP request beside its message. They travel with the message to its handler.
#[derive(Debug, Clone)]
pub(super) struct McpRequest {
    pub(super) caller: Caller,
    pub(super) trace: TraceContext,
    call: Arc<Mutex<Option<PermittedCall>>>,
}

/// A requested call, which the limits allow.
#[derive(Debug)]
pub(super) struct PermittedCall {
    pub(super) permit: CallPermit,
    /// The text of its arguments: numbers travel as the caller wrote them.
    pub(super) arguments: Option<Box<RawValue>>,
}

impl McpRequest {
    pub(super) fn new(caller: Caller, trace: TraceContext, call: Option<PermittedCall>) -> Self {
        Self { caller, trace, call: Arc::new(Mutex::new(call)) }
    }

    /// The call; there is one of it.
    pub(super) fn take_call(&self) -> Option<PermittedCall> {
        lock(&self.call).take()
    }
}

/// The arguments of a call, if it has some.
pub(super) type FoundArguments = Option<Box<RawValue>>;

/// Takes a copy of the arguments out of a message, if it is a call. Large ones are left out of the message, which is read as values later,
/// where nobody looks at them; so are those that were encoded a second time, which are no object there.
///
/// # Errors
/// The message is no JSON, or no single message, or a name is there twice.
pub(super) fn take_arguments(text: String) -> Result<(String, Option<FoundArguments>), serde_json::Error> {
    let Some(found) = MessageHead::read(&text)?.call()? else { return Ok((text, None)) };
    let arguments = found.map(ToOwned::to_owned);
    let is_left_out = |found: &&str| found.starts_with('"') || found.starts_with('{') && found.len() > IN_PLACE_BYTES;
    let left_out = found.map(RawValue::get).filter(is_left_out).map(|part| with_part(&text, part, "{}"));
    Ok((left_out.unwrap_or(text), Some(arguments)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_arguments_are_left_out_of_the_message() {
        for (bytes, is_large) in [(10, false), (IN_PLACE_BYTES, true)] {
            let large = format!(r#"{{"a":"{}"}}"#, "é".repeat(bytes / 2));
            let message = |arguments: &str| {
                format!(
                    r#"{{"method":"tools/call","params":{{"name":"é","arguments": {arguments} ,"_meta":{{}}}},"id":1}}"#
                )
            };
            let (text, taken) = take_arguments(message(&large)).unwrap();
            assert_eq!(text, message(if is_large { "{}" } else { &large }));
            assert_eq!(taken.unwrap().unwrap().get(), large);
        }
        // A mistake stays for the reader of the message.
        let list = format!(r#"{{"method":"tools/call","params":{{"arguments":[{}0]}}}}"#, "0,".repeat(IN_PLACE_BYTES));
        assert_eq!(take_arguments(list.clone()).unwrap().0, list);
        let other = r#"{"method":"tools/list"}"#.to_owned();
        assert!(matches!(take_arguments(other.clone()), Ok((text, None)) if text == other));
    }
}
