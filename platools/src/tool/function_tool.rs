//! [`FunctionTool`]: makes a tool at run time from a declaration and a function. `#[tool]` makes tools at compile time.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::ArgumentRule;
use super::context::Context;
use super::definition::ToolDefinition;
use super::error::ToolError;
use super::handler::{Handler, HandlerFuture, IntoTools, Tool};
use super::output::Output;
use super::schema::arguments_schema;
use super::state::{BindError, State};

/// A tool that [`ToolDefinition::handler`] made. Clones share the function.
#[derive(Clone)]
pub struct FunctionTool {
    definition: ToolDefinition,
    handler: Arc<dyn Handler>,
}

impl ToolDefinition {
    /// A tool whose arguments are the fields of a type, for a tool made at run time that takes the same arguments always. Anyone may call it.
    ///
    /// The type is a struct; a registry refuses any other. Doc comments of its fields describe the arguments, and
    /// `#[serde(deny_unknown_fields)]` refuses other ones.
    ///
    /// ```
    /// use platools::{ToolDefinition, ToolError, ToolRegistry};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use serde_json::json;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Order {
    ///     /// Public order id.
    ///     id: String,
    ///     units: Option<u32>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let shops = ["bern", "zurich"].map(|shop| {
    ///     ToolDefinition::typed::<Order>(format!("order_{shop}"), format!("Order from the shop in {shop}."))
    ///         .handler(async move |order: Order, _| Ok::<_, ToolError>(format!("{shop}: {} of {}", order.units.unwrap_or(1), order.id)))
    /// });
    /// let registry = ToolRegistry::new().with_tools(shops.to_vec())?;
    /// assert_eq!(registry.call("order_bern", json!({ "id": "ord-1" })).await?, "bern: 1 of ord-1");
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<A: JsonSchema>(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new(name, description, arguments_schema::<A>())
    }

    /// A tool of this declaration whose calls `function` runs: for tools whose name or schema is known only at run time. `#[tool]` is for
    /// the others.
    ///
    /// The function takes the arguments, in any type that is deserialized from an object, without the platform's envelopes, and the call's
    /// context. Arguments are checked against the declared schema and changed as [`ArgumentRule`] says before the function gets them; they
    /// pass unchecked if the schema is one that cannot be checked. Take `serde_json::Value` for any.
    /// The result is anything that serializes, and the error anything that `?` converts into a [`ToolError`]. The function is called on the
    /// call's own task, and on a thread for blocking work if [`execution`](Self::execution) says so. It is cloned for each call: share
    /// large or changing values that it captures in an [`Arc`].
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Arc;
    /// use platools::{ToolDefinition, ToolRegistry};
    /// use serde_json::{Value, json};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let glossary = Arc::new(HashMap::from([("link", "one socket and its loop")]));
    /// let schema = json!({ "type": "object", "properties": { "word": { "type": "string" } }, "required": ["word"] });
    /// let define = ToolDefinition::new("define", "Explain a word.", schema).handler(async move |arguments: Value, _ctx| {
    ///     let word = arguments["word"].as_str().ok_or("`word` must be a string")?;
    ///     glossary.get(word).copied().ok_or(format!("there is no entry for {word}"))
    /// });
    /// let registry = ToolRegistry::new().with_tools(define)?;
    /// assert_eq!(registry.call("define", json!({ "word": "link" })).await?, "one socket and its loop");
    /// # Ok(())
    /// # }
    /// ```
    pub fn handler<A, F, R, T, E>(self, function: F) -> FunctionTool
    where
        A: DeserializeOwned + Send + 'static,
        F: FnOnce(A, Context) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + 'static,
        E: Into<ToolError> + 'static,
    {
        let rule = ArgumentRule::of(&self).ok();
        FunctionTool { definition: self, handler: Arc::new(Function { function, rule, arguments: PhantomData }) }
    }
}

impl Tool for FunctionTool {
    fn definition(&self) -> ToolDefinition {
        self.definition.clone()
    }

    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::clone(&self.handler))
    }
}

impl IntoTools for Vec<FunctionTool> {
    fn into_tools(self) -> Vec<Box<dyn Tool>> {
        self.into_iter().map(|tool| Box::new(tool) as Box<dyn Tool>).collect()
    }
}

impl fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool").field("definition", &self.definition).finish_non_exhaustive()
    }
}

/// The function behind a tool, and the type of its arguments.
struct Function<A, F> {
    function: F,
    /// None if the schema is one that cannot be checked.
    rule: Option<ArgumentRule>,
    arguments: PhantomData<fn() -> A>,
}

impl<A, F, R, T, E> Handler for Function<A, F>
where
    A: DeserializeOwned + Send + 'static,
    F: FnOnce(A, Context) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<T, E>> + Send + 'static,
    T: Serialize + 'static,
    E: Into<ToolError> + 'static,
{
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
        Box::pin(async move {
            let arguments = match &self.rule {
                Some(rule) => context.params().fitted(rule)?.arguments()?,
                None => context.arguments()?,
            };
            // The result is written at once: it need not be `Send`, as nothing is awaited while it is held.
            match self.function.clone()(arguments, context).await {
                Ok(result) => output.write(&result),
                Err(error) => Err(error.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::code;
    use super::*;
    use crate::registry::ToolRegistry;

    fn declared(name: &str) -> ToolDefinition {
        ToolDefinition::new(name, "Do it.", json!({ "type": "object" }))
    }

    fn registry(tool: FunctionTool) -> ToolRegistry {
        ToolRegistry::new().with_tools(tool).expect("a valid tool")
    }

    #[tokio::test]
    async fn a_tool_that_forwards_its_arguments_forwards_no_token() {
        let forward = declared("forward").handler(|arguments: Value, context: Context| async move {
            let token = context.user_token().ok_or("a call without a token")?.to_owned();
            Ok::<_, ToolError>(json!([arguments, token, context.raw_params().len()]))
        });
        let params = json!({"city": "Bern", "_context": {"a": 1}, "__platos": {"userToken": "hunter2"}});
        let result = registry(forward).call("forward", &params).await.expect("it succeeds");
        assert_eq!(result, json!([{"city": "Bern"}, "hunter2", params.to_string().len()]));
    }

    #[tokio::test]
    async fn async_closures_may_capture_values_and_run_every_call() {
        let (greeting, shared) = ("Hello".to_owned(), Arc::new(std::sync::Mutex::new(Vec::new())));
        let seen = Arc::clone(&shared);
        let borrows = declared("borrows").handler(async move |name: Value, _: Context| {
            seen.lock().map_err(|_| "no panic")?.push(name.clone());
            Ok::<_, ToolError>(format!("{greeting}, {}", name["name"]))
        });
        let list = vec![json!(1)];
        let consumes = declared("consumes").handler(move |_: Value, _| async move { Ok::<_, ToolError>(list) });
        let registry = ToolRegistry::new().with_tools(vec![borrows, consumes]).expect("valid tools");
        for name in ["a", "b"] {
            let said = registry.call("borrows", json!({ "name": name })).await.expect("it succeeds");
            assert_eq!(said, format!("Hello, \"{name}\""));
            assert_eq!(registry.call("consumes", json!({})).await.expect("it succeeds"), json!([1]));
        }
        assert_eq!(*shared.lock().expect("no panic"), [json!({"name": "a"}), json!({"name": "b"})]);
    }

    #[tokio::test]
    async fn arguments_are_taken_as_the_declared_schema_says() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}, "additionalProperties": false});
        let tool = ToolDefinition::new("echo", "Do it.", schema);
        let strict = ToolDefinition { name: "strict".to_owned(), ..tool.clone().strict() };
        let echo = |arguments: Value, _| async move { Ok::<_, ToolError>(arguments) };
        let registry = registry(tool.handler(echo)).with_tools(strict.handler(echo)).expect("a valid tool");
        let call = async |name, arguments| registry.call(name, arguments).await;
        assert_eq!(call("echo", json!({"n": "4", "_context": {}})).await.expect("a number is meant"), json!({"n": 4}));
        for (name, bad) in [("echo", json!({"n": 6})), ("echo", json!({"m": 1})), ("strict", json!({"n": "4"}))] {
            assert_eq!(
                call(name, bad.clone()).await.expect_err("it does not fit").code(),
                code::INVALID_ARGUMENTS,
                "{bad}"
            );
        }
    }

    #[tokio::test]
    async fn arguments_of_another_type_and_errors_of_the_function_are_failures() {
        #[derive(serde::Deserialize)]
        struct Divide {
            by: String,
        }
        let divide = declared("divide").handler(|Divide { by }, _| async move {
            let by: i32 = by.parse()?;
            100_i32.checked_div(by).ok_or_else(|| ToolError::new("there is no result").with_code("by_zero"))
        });
        let registry = registry(divide);
        let end = async |by: Value| registry.call("divide", json!({ "by": by })).await;
        assert_eq!(end(json!("4")).await.expect("it succeeds"), 25);
        for (by, failed) in [(json!(4), code::INVALID_ARGUMENTS), (json!("x"), code::FAILED), (json!("0"), "by_zero")] {
            assert_eq!(end(by.clone()).await.expect_err("it fails").code(), failed, "{by}");
        }
    }
}
