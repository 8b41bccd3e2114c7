//! [`Params`]: holds the JSON text of a call's params as the frame has it, with arguments and envelopes.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::arguments::{ArgumentRule, InvalidArguments};
use super::envelopes::WithoutEnvelopes;
use super::error::{ToolError, code};
use super::shared_text::SharedText;
use platools_protocol::json;

/// The params of one call: the text of a JSON object, shared and never copied.
///
/// It is kept as the sender wrote it, because a signature covers its bytes and because decoding it once, straight into
/// the tool's types, is cheaper than any intermediate form. `Debug` shows only its length: params hold a caller's tokens.
#[derive(Clone)]
pub(crate) struct Params(SharedText);

impl Params {
    /// Params as they arrived in a frame.
    pub(crate) fn new(text: SharedText) -> Self {
        Self(text)
    }

    /// Copies the params into memory of their own, without the rest of the frame.
    pub(crate) fn detached(&self) -> Self {
        Self(self.0.detached())
    }

    /// Params made on this side; `value` serializes to a JSON object.
    ///
    /// # Errors
    /// `value` does not serialize.
    pub(crate) fn from_value<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        json::to_string("params", value).map(Self::from)
    }

    /// The arguments, without the envelopes of the platform.
    ///
    /// # Errors
    /// They do not fit the type: [`code::INVALID_ARGUMENTS`].
    pub(crate) fn arguments<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ToolError> {
        let mut text = serde_json::Deserializer::from_str(self.as_str());
        T::deserialize(WithoutEnvelopes(&mut text))
            .and_then(|arguments| text.end().map(|()| arguments))
            .map_err(|error| ToolError::new(format!("invalid arguments: {error}")).with_code(code::INVALID_ARGUMENTS))
    }

    /// The params with the arguments as a tool takes them.
    ///
    /// # Errors
    /// The arguments do not fit: [`code::INVALID_ARGUMENTS`].
    pub(crate) fn fitted(&self, rule: &ArgumentRule) -> Result<Cow<'_, Self>, ToolError> {
        match rule.fit(self.as_str()).map_err(InvalidArguments::into_tool_error)? {
            Cow::Borrowed(_) => Ok(Cow::Borrowed(self)),
            Cow::Owned(fitted) => Ok(Cow::Owned(Self::from(fitted))),
        }
    }

    /// The text of the object, byte for byte as it came. The envelopes in it may hold tokens: keep it out of logs.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Params {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    const TOKENS: &str = r#""__platos":{"userToken":"hunter2"},"_context":{"team":7}"#;

    fn params(arguments: &str) -> Params {
        let comma = if arguments.is_empty() { "" } else { "," };
        Params::from(format!("{{{arguments}{comma}{TOKENS}}}"))
    }

    #[test]
    fn arguments_of_any_type_come_without_the_envelopes() {
        let nested = params(r#""city":"Bern","_unit":"C","inner":{"__platos":1}"#);
        let value: Value = nested.arguments().expect("an object");
        assert_eq!(value, json!({"city": "Bern", "_unit": "C", "inner": {"__platos": 1}}));
        let escaped = Params::from(r#"{"\u005f_platos":{"userToken":"hunter2"},"\u005fcontext":1,"a":2}"#.to_owned());
        assert_eq!(escaped.arguments::<Value>().expect("an object"), json!({"a": 2}));
        let map: HashMap<&str, &RawValue> = nested.arguments().expect("an object");
        assert_eq!((map.len(), map["city"].get()), (3, r#""Bern""#));
        assert_eq!(params("").arguments::<Option<Value>>().expect("an object"), Some(json!({})));
    }

    #[test]
    fn a_type_that_allows_no_other_fields_takes_a_platforms_call() {
        #[derive(Deserialize, Debug, PartialEq)]
        #[serde(deny_unknown_fields)]
        struct Weather<'a> {
            city: &'a str,
        }
        #[derive(Deserialize, Debug, PartialEq)]
        struct Wrapped<'a>(#[serde(borrow)] Weather<'a>);
        #[derive(Deserialize, Debug, PartialEq)]
        #[serde(rename_all = "snake_case")]
        enum Choice {
            City(String),
        }
        let call = params(r#""city":"Bern""#);
        assert_eq!(call.arguments::<Wrapped<'_>>().expect("it fits"), Wrapped(Weather { city: "Bern" }));
        assert_eq!(call.arguments::<Choice>().expect("it fits"), Choice::City("Bern".to_owned()));
        let error = params(r#""city":"Bern","planet":"Mars""#).arguments::<Weather<'_>>().expect_err("one too many");
        assert_eq!(error.code(), code::INVALID_ARGUMENTS);
        assert!(error.message().contains("unknown field `planet`"), "{error}");
        params(r#""city":"Bern","planet":"Mars""#).arguments::<Choice>().expect_err("one too many");
    }

    #[test]
    fn no_type_gets_at_the_text_with_the_tokens() {
        for refused in
            [params("").arguments::<Box<RawValue>>().err(), Params::from("[1]".to_owned()).arguments::<Value>().err()]
        {
            assert_eq!(refused.expect("it is refused").code(), code::INVALID_ARGUMENTS);
        }
    }
}
