//! [`ToolExport`]: holds a tool in the form of one dialect, and converts a model's arguments for this form back into the arguments of the
//! tool.

use serde_json::Value;
use serde_json::value::RawValue;

use super::restore::Restoration;
use crate::tool::arguments::object_in_text;
use crate::tool::error::{ToolError, code};

/// A tool in the form that a consumer takes, and the inverse of that form for the arguments of calls.
///
/// A form may ask for other arguments than the tool declares. In OpenAI's strict form a model gives every argument, and `null` for one
/// that it would leave out; Anthropic takes names of arguments in letters, digits, `_`, `.` and `-` only.
/// [`arguments`](Self::arguments) turns such arguments into those of the tool.
///
/// ```
/// use platools::ToolDefinition;
/// use platools::tool::Dialect;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"unit": {"enum": ["C", "F"]}}});
/// let exported = ToolDefinition::new("weather", "Tells the weather.", schema).to_export(Dialect::OpenAi);
/// // Send `exported.value()` to the model. What it calls the tool with:
/// let arguments = exported.arguments(r#"{"unit": null}"#)?;
/// assert_eq!(arguments.get(), "{}");
/// # Ok::<(), platools::tool::ToolError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ToolExport {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) restoration: Restoration,
}

impl ToolExport {
    /// The name that the model calls the tool by. It is the tool's own wherever the dialect takes that.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tool in its form.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The tool in its form.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    /// The arguments of the tool, from those that a model wrote for this form. Everything else stays as it is written. An empty text is
    /// no arguments, and an object that was encoded as a string is opened.
    ///
    /// The result still has to pass the tool's own checks.
    ///
    /// # Errors
    /// The text is no JSON; the code is [`INVALID_ARGUMENTS`](code::INVALID_ARGUMENTS).
    pub fn arguments(&self, sent: &str) -> Result<Box<RawValue>, ToolError> {
        let text = if sent.trim().is_empty() { "{}" } else { sent };
        let value: &RawValue = serde_json::from_str(text).map_err(|error| {
            ToolError::new(format!("invalid arguments: they are no JSON: {error}")).with_code(code::INVALID_ARGUMENTS)
        })?;
        let opened = object_in_text(value.get()).and_then(|object| RawValue::from_string(object).ok());
        let value = opened.as_deref().unwrap_or(value);
        Ok(self.restoration.restored(value).unwrap_or_else(|| value.to_owned()))
    }
}
