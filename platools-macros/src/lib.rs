//! The attribute `#[tool]` and the macro `tools![]`. Use them through the crate `platools`, which re-exports and documents them.

mod check;
mod errors;
mod expand;
mod model;
mod parse;
mod spans;
mod tool_fn;
mod tool_impl;
mod tools_list;

use proc_macro::TokenStream;

/// Makes a tool of a function.
///
/// The function stays as written. Beside it comes a type of the same name, so that one `use` brings both: list it in
/// `tools![...]`. What the tool does is taken from the doc comment, and it must have one.
///
/// ```
/// use platools::{Context, ToolError, ToolRegistry, tool, tools};
/// use serde_json::json;
///
/// struct Prices {
///     each: u32,
/// }
///
/// /// Say what an order costs.
/// #[tool(read_only, timeout = "20s")]
/// async fn quote(
///     /// Public order id, such as ord-1042.
///     #[arg(pattern("^ord-[0-9]+$"))] order_id: String,
///     /// How many units.
///     #[arg(default = 1, range(1..=100))] quantity: u32,
///     note: Option<&str>,
///     ctx: &Context,
///     prices: &Prices,
/// ) -> Result<u32, ToolError> {
///     if note == Some("free") && ctx.user_id() != Some("boss") {
///         return Err(ToolError::new(format!("{order_id} is not free")));
///     }
///     Ok(quantity * prices.each)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = ToolRegistry::new().with_state(Prices { each: 3 }).with_tools(tools![quote])?;
/// assert_eq!(registry.call("quote", json!({ "order_id": "ord-1", "quantity": 2 })).await?, 6);
/// # Ok(())
/// # }
/// ```
///
/// # Parameters
///
/// | Written | Comes from |
/// |---|---|
/// | `T` | the caller; `T` implements `serde::Deserialize` and `schemars::JsonSchema` |
/// | `Option<T>` | the caller, who may leave it out |
/// | `&str`, `&[T]`, and `Option`s of these | the caller; decoded into a `String` or `Vec<T>` and borrowed for the call |
/// | `&Context` | the call |
/// | `&T` | the registry's state, found by type when a client is built |
/// | `#[arg] &T` | the caller; decoded and borrowed for the call |
/// | `#[inject] T` | a clone of the registry's `T`, or of the call's `Context` |
///
/// A parameter's doc comment describes the argument. A list in a section `# Arguments` of the function's doc comment does so as well; an item
/// there that names no parameter does not compile. `#[arg(...)]` takes:
///
/// | Key | Meaning | Default |
/// |---|---|---|
/// | `name = "..."` | the argument's name in JSON; it may not begin with `_` | the parameter's |
/// | `description = "..."` | what it is | its doc comment |
/// | `default = value` | used where it is left out | it must be given |
/// | `default` | `Default::default()` of the type | |
/// | `range(1..=100)` | the limits of a number | none |
/// | `length(1..=50)` | the limits of a string (in characters), list or map; not of a set | none |
/// | `pattern("...")` | a regular expression found in a string; `^...$` for all of it | none |
/// | `user_providable` | people know the value, so the doctor asks for no tool that returns it | `false` |
///
/// Limits are in the schema and are enforced. A default that breaks them does not compile if it is a plain number; any other is
/// refused when the tool is registered, as is a pattern that is not one of JSON Schema (ECMA-262) or needs backreferences or
/// look-around.
///
/// # Descriptions
///
/// A doc comment is read as rustdoc reads it, and changed for the model that reads it:
///
/// - Lines (`///`), blocks (`/** */`, without their stars) and `#[doc = ...]` are joined in order, without the indentation that they share.
/// - `#[doc = include_str!("find.md")]`, `#[doc = concat!(...)]` and `#[cfg_attr(..., doc = "...")]` are read like the rest, when the definition
///   of the tool is made.
/// - The sections `# Errors`, `# Examples`, `# Panics` and `# Safety` are left out with their subsections, and `# Arguments` (also `# Parameters`)
///   describes arguments. All other sections belong to the description.
/// - Links to code are shown as their text, and links to web addresses are kept. Lines of examples that rustdoc hides (`# let x = 1;`) are left out.
///
/// A `description` in an attribute is taken as it is, without space at its ends. A description that is empty does not compile; if the text is known
/// only later, the tool is refused when it is registered.
///
/// # Keys
///
/// Each value may be an expression, such as a constant, `concat!(...)` or `Self::DESCRIPTION` in an impl block, in place of the literal shown here:
/// of the literal's type, of `platools::tool::Auth`, `std::time::Duration` or `platools::tool::Rate`, or of any integer for `max_concurrency`. It
/// is evaluated when the definition is made, the name of a function's tool while it compiles. A value that the key does not take is refused when
/// the tool is registered. `no_output_schema`, `output_schema_with` and `crate` decide on the code that is made, and take no expressions.
///
/// ```
/// use platools::{Tool, tool};
/// use std::time::Duration;
///
/// const DESCRIPTION: &str = concat!("Find orders. Version ", env!("CARGO_PKG_VERSION"), ".");
/// const TIMEOUT: Duration = Duration::from_secs(5);
///
/// #[tool(description = DESCRIPTION, timeout = TIMEOUT, read_only = cfg!(debug_assertions))]
/// fn find() {}
///
/// assert_eq!(find {}.definition().description, DESCRIPTION);
/// assert_eq!(find {}.definition().timeout, Some(TIMEOUT));
/// ```
///
/// | Key | Meaning | Default |
/// |---|---|---|
/// | `name = "..."` | the tool's name: a letter or `_`, then letters, digits, `_`, `-`; at most 64 characters | the function's |
/// | `description = "..."` | what it does, for the model that chooses it | the doc comment |
/// | `auth = "user"` | who may call: `"none"`, `"user"`, `"admin"` | `"none"` |
/// | `roles = ["...", ...]` | the caller needs one of these | none |
/// | `category = "..."` | annotation `category` | none |
/// | `read_only`, `destructive`, `idempotent`, `open_world` | annotations `readOnlyHint` and so on; `= false` says the opposite | unsaid |
/// | `annotations(key = value, ...)` | further annotations: strings, numbers, `true`, `false` | none |
/// | `timeout = "20s"` | how long the function may take, counted from its start: `ms`, `s`, `m`, `h`. Callers that name no timeout wait as long; gateways learn of it by the annotation `timeoutMs` | the worker's |
/// | `max_concurrency = 4` | how many calls run at once; others wait in the tool's own queue, first in, first out, and hold up no other tool | the worker's |
/// | `rate = "10/s"` | how many calls may start per `s`, `m` or `h`; others fail as `rate_limited` | no limit |
/// | `strict` | take only what fits the schema as it is: no `"42"` for a number. Gateways learn of it by the annotation `strictArguments` | off |
/// | `allow_unknown` | ignore arguments the tool does not have | they are refused |
/// | `inline` | keep the first poll on the link's thread even when polls are long, for cheap functions only | a tool with long polls moves to the application's runtime; a sync function has a blocking thread |
/// | `expose_errors` | show callers an error's chain of causes and the text of a panic, and the platform's operator the stack and the place. Gateways learn of it by the annotation `exposeErrors` | off |
/// | `no_output_schema` | declare no schema of the result, which need not implement `JsonSchema` then | declared |
/// | `output_schema_with = path` | the schema of the result, from a function `fn(&mut SchemaGenerator) -> Schema` of schemars | that of its type |
/// | `crate = path` | where the crate `platools` is | `::platools` |
///
/// # Results
///
/// A tool returns a value, or a `Result` under any name. Values implement `serde::Serialize` and `schemars::JsonSchema`. A value of a
/// type that lacks `JsonSchema`, as types of other crates often do, is returned with `no_output_schema` or `output_schema_with`. A field of
/// such a type takes `#[schemars(schema_with = "function")]`.
///
/// An error is a `ToolError` or becomes one: by `platools::tool::IntoToolError`, else as `?` converts it, else by `Display`. An error type
/// keeps its causes.
///
/// # What a tool cannot be
///
/// Generic, `unsafe`, `extern`, or a function with patterns, `impl Trait` or `&mut` in its signature. A function that returns a future, such as
/// a boxed one, is written as an `async fn`. In place of a generic function write a method of a generic type ([below](#impl-blocks)), or borrow state such as
/// `&Arc<dyn Store>`. The name must be free in the type namespace too: no module or struct beside the function can have it.
///
/// # Impl blocks
///
/// On an impl block, the attribute makes a tool of each method that has `#[tool]` as well. Methods take `&self`, a value all calls share; functions without `self` may be tools as well. The type (or an `Arc` of it)
/// is then given to a registry as it is. The attribute of a method takes the keys of one on a function, but for `crate`,
/// which is given once, on the block: `#[tool(crate = path)]`. A type has one such block.
///
/// The block may be generic, with bounds, a `where` clause and constants, but without lifetimes. The schemas of its tools are made for the types
/// that a value has, so signatures may name the parameters; an argument of type `T` needs the bounds `serde::de::DeserializeOwned` and
/// `schemars::JsonSchema`. The type itself has to be `Send + Sync + 'static` where it is registered, which the block need not say.
///
/// ```
/// use platools::{ToolRegistry, tool};
/// use serde_json::json;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// struct Counter {
///     count: AtomicU32,
/// }
///
/// #[tool]
/// impl Counter {
///     /// Count up.
///     #[tool]
///     async fn add(&self, #[arg(default = 1)] by: u32) -> u32 {
///         self.count.fetch_add(by, Ordering::Relaxed) + by
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = ToolRegistry::new().with_tools(Counter { count: AtomicU32::new(0) })?;
/// registry.call("add", json!({})).await?;
/// assert_eq!(registry.call("add", json!({ "by": 2 })).await?, 3);
/// # Ok(())
/// # }
/// ```
///
/// A generic type, for tests with another store than the one of production:
///
/// ```
/// use platools::{ToolRegistry, tool};
///
/// trait Store: Send + Sync {
///     fn find(&self, id: &str) -> impl Future<Output = Option<String>> + Send;
/// }
///
/// struct Orders<S>(S);
///
/// #[tool]
/// impl<S: Store> Orders<S> {
///     /// Find an order.
///     #[tool]
///     async fn find(&self, id: &str) -> Option<String> {
///         self.0.find(id).await
///     }
/// }
///
/// # struct Memory;
/// # impl Store for Memory {
/// #     async fn find(&self, id: &str) -> Option<String> {
/// #         Some(id.to_owned())
/// #     }
/// # }
/// # fn main() -> Result<(), platools::Error> {
/// let registry = ToolRegistry::new().with_tools(Orders(Memory))?;
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    tool_fn::expand(attribute.into(), item.into()).into()
}

/// Expands `tools![...]` of the crate `platools`, which puts its own path in front.
#[doc(hidden)]
#[proc_macro]
pub fn list(input: TokenStream) -> TokenStream {
    tools_list::expand(input.into()).into()
}
