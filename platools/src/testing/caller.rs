//! [`TestCaller`]: says who makes a call of a test, as a platform would.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::tool::{CONTEXT_ENVELOPE, PLATFORM_ENVELOPE, Params, ToolError, code};

/// The caller of a test: what the [`Context`](crate::Context) of its calls says.
///
/// The test decides who calls; nothing checks `auth` and `roles` of a tool, as a platform does.
///
/// ```
/// use platools::testing::{TestCaller, TestContext};
/// use serde_json::json;
///
/// let caller = TestCaller::user("ann").agent("helper").operator_context(json!({ "team": 7 }));
/// let ctx = TestContext::new(caller);
/// assert_eq!((ctx.user_id(), ctx.agent_id(), ctx.thread_id()), (Some("ann"), Some("helper"), None));
/// assert_eq!(ctx.context()["team"], 7);
/// ```
#[derive(Clone, Default)]
pub struct TestCaller {
    platform: Map<String, Value>,
    operator_context: Option<Value>,
}

impl TestCaller {
    /// A caller of whom the platform says nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A caller that acts for a user.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::anonymous().with("userId", id)
    }

    /// A caller of whom the platform says everything that [`Context::full`](crate::Context::full) needs: each other id is that of a test.
    #[must_use]
    pub fn complete(user: impl Into<String>) -> Self {
        let fields = [
            ("organizationId", "test-organization"),
            ("projectId", "test-project"),
            ("environmentId", "test-environment"),
            ("entityId", "test-entity"),
            ("agentId", "test-agent"),
            ("threadId", "test-thread"),
            ("callId", "test-call"),
            ("timestamp", "2026-01-01T00:00:00Z"),
            ("signature", "00"),
        ];
        fields.into_iter().fold(Self::user(user), |caller, (field, value)| caller.with(field, value))
    }

    /// Adds the token of the user. Default: none.
    #[must_use]
    pub fn user_token(self, token: impl Into<String>) -> Self {
        self.with("userToken", token)
    }

    /// Adds the token of the entity. Default: none.
    #[must_use]
    pub fn entity_token(self, token: impl Into<String>) -> Self {
        self.with("entityToken", token)
    }

    /// Names the agent that calls. Default: none.
    #[must_use]
    pub fn agent(self, id: impl Into<String>) -> Self {
        self.with("agentId", id)
    }

    /// Names the conversation of the call. Default: none.
    #[must_use]
    pub fn thread(self, id: impl Into<String>) -> Self {
        self.with("threadId", id)
    }

    /// Names the entity whose tool is called. Default: none.
    #[must_use]
    pub fn entity(self, id: impl Into<String>) -> Self {
        self.with("entityId", id)
    }

    /// Adds the object of the platform's operator, which [`Context::context`](crate::Context::context) shows. Default: none.
    #[must_use]
    pub fn operator_context(mut self, context: Value) -> Self {
        self.operator_context = Some(context);
        self
    }

    fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.platform.insert(field.to_owned(), Value::String(value.into()));
        self
    }

    /// The params of a call with these arguments.
    ///
    /// # Errors
    /// The arguments do not serialize, or to something that is no object.
    pub(super) fn params(&self, arguments: &impl Serialize) -> Result<Params, ToolError> {
        let invalid = |error: serde_json::Error| ToolError::from_error(error).with_code(code::INVALID_ARGUMENTS);
        let Value::Object(mut params) = serde_json::to_value(arguments).map_err(invalid)? else {
            let error = ToolError::new("arguments are a JSON object; use `json!({ .. })` or a struct");
            return Err(error.with_code(code::INVALID_ARGUMENTS));
        };
        if !self.platform.is_empty() {
            params.insert(PLATFORM_ENVELOPE.to_owned(), Value::Object(self.platform.clone()));
        }
        params.extend(self.operator_context.clone().map(|context| (CONTEXT_ENVELOPE.to_owned(), context)));
        Params::from_value(&params).map_err(invalid)
    }
}

impl fmt::Debug for TestCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCaller").field("user_id", &self.platform.get("userId")).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::TestContext;
    use super::*;

    #[test]
    fn a_complete_caller_has_every_field_that_a_platform_must_send() {
        let ctx = TestContext::new(TestCaller::complete("ann").user_token("hunter2"));
        let full = ctx.full().expect("nothing is missing");
        assert_eq!((full.user_id, full.user_token, full.nonce), ("ann", Some("hunter2"), None));
        assert!(TestContext::new(TestCaller::user("ann")).full().is_none());
        assert!(!format!("{:?}", TestCaller::complete("ann").user_token("hunter2")).contains("hunter2"));
    }
}
