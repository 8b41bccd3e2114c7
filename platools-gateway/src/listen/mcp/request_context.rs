//! What one HTTP request brought.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::core::CallPermit;
use crate::core::identity::Caller;
use crate::core::trace::TraceContext;
use crate::ops::offload::IN_PLACE_BYTES;

/// What an HTTP request brought beside its message: it travels with the message to whoever answers it.
#[derive(Debug, Clone)]
pub(super) struct McpRequest {
    /// Who asks.
    pub(super) caller: Caller,
    pub(super) trace: TraceContext,
    call: Arc<Mutex<Option<PermittedCall>>>,
}

/// A call that is asked for.
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
        self.call.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What has to be known of a message before it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Glance<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl<'a> Glance<'a> {
    /// Glances at a message.
    ///
    /// # Errors
    /// It is no JSON, or no single message.
    pub(super) fn at(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The arguments, if it is a call.
    ///
    /// # Errors
    /// A name is there twice.
    pub(super) fn call(&self) -> Option<Result<Option<&'a RawValue>, serde_json::Error>> {
        let is_call = self.method.as_deref() == Some("tools/call");
        let params = self.params.filter(|params| is_call && params.get().starts_with('{'));
        let arguments = |params: &'a RawValue| Ok(serde_json::from_str::<CallParams<'a>>(params.get())?.arguments);
        params.map(arguments).or_else(|| is_call.then_some(Ok(None)))
    }
}

/// The arguments of a call, if it has some.
pub(super) type FoundArguments = Option<Box<RawValue>>;

/// Takes a copy of the arguments out of a message, if it is a call. Large ones are left out of the message, which is read as values later,
/// where nobody looks at them; so are those that were encoded a second time, which are no object there.
///
/// # Errors
/// The message is no JSON, or no single message, or a name is there twice.
pub(super) fn take_arguments(mut text: String) -> Result<(String, Option<FoundArguments>), serde_json::Error> {
    let Some(found) = Glance::at(&text)?.call().transpose()? else { return Ok((text, None)) };
    let arguments = found.map(ToOwned::to_owned);
    let is_left_out = |found: &&str| found.starts_with('"') || found.starts_with('{') && found.len() > IN_PLACE_BYTES;
    if let Some(left_out) = found.map(RawValue::get).filter(is_left_out) {
        let begin = left_out.as_ptr().addr() - text.as_ptr().addr();
        let range = begin..begin + left_out.len();
        text.replace_range(range, "{}");
    }
    Ok((text, Some(arguments)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments of a call; `none` if it has none, and nothing if it is no call.
    fn arguments(text: &str) -> Option<String> {
        let call = Glance::at(text).unwrap().call()?.unwrap();
        Some(call.map_or("none".to_owned(), |arguments| arguments.get().to_owned()))
    }

    #[test]
    fn arguments_stay_as_they_were_written() {
        let text =
            r#"{"method":"tools/call","params":{"name":"t","arguments":{"n":1.50e400,"b":123456789012345678901234}}}"#;
        assert_eq!(arguments(text).as_deref(), Some(r#"{"n":1.50e400,"b":123456789012345678901234}"#));
        for text in [
            r#"{"method":"tools/call","params":{"name":"t"}}"#,
            r#"{"method":"tools/call","params":[1]}"#,
            r#"{"method":"tools/call"}"#,
        ] {
            assert_eq!(arguments(text).as_deref(), Some("none"), "{text}");
        }
        assert_eq!(arguments(r#"{"method":"tools/list","params":{"arguments":{}}}"#), None);
    }

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
        // A mistake stays for whoever reads the message.
        let list = format!(r#"{{"method":"tools/call","params":{{"arguments":[{}0]}}}}"#, "0,".repeat(IN_PLACE_BYTES));
        assert_eq!(take_arguments(list.clone()).unwrap().0, list);
        let other = r#"{"method":"tools/list"}"#.to_owned();
        assert!(matches!(take_arguments(other.clone()), Ok((text, None)) if text == other));
    }

    #[test]
    fn what_two_readers_might_take_for_different_things_is_refused() {
        for text in ["[]", "{", r#"{"method":"a","method":"tools/call"}"#] {
            assert!(Glance::at(text).is_err(), "{text}");
        }
        let twice = r#"{"method":"tools/call","params":{"arguments":{},"arguments":{"a":1}}}"#;
        assert!(Glance::at(twice).unwrap().call().unwrap().is_err());
    }
}
