//! The attributes of platools. Use them through the crate `platools`, which re-exports and documents them.

mod arg;
mod attr;
mod check;
mod docs;
mod errors;
mod expand;
mod free;
mod function;
mod keys;
mod list;
mod methods;
mod model;
mod name;
mod parameter;
mod units;

use proc_macro::TokenStream;
use quote::quote;

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
/// A parameter's doc comment describes the argument; a list in a section `# Arguments` of the function's doc comment does as
/// well, and is left out of the tool's description; an item there that names no parameter does not compile. `#[arg(...)]` takes:
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
///
/// Limits are in the schema and are enforced. A default that breaks them does not compile if it is a plain number; any other is
/// refused when the tool is registered, as is a pattern that is not one of JSON Schema (ECMA-262) or needs backreferences or
/// look-around.
///
/// # Keys
///
/// | Key | Meaning | Default |
/// |---|---|---|
/// | `name = "..."` | the tool's name: a letter or `_`, then letters, digits, `_`, `-`; at most 64 characters | the function's |
/// | `description = "..."` | what it does, for the model that chooses it | the doc comment |
/// | `auth = "user"` | who may call: `"none"`, `"user"`, `"admin"` | `"none"` |
/// | `roles = ["...", ...]` | the caller needs one of these | none |
/// | `title = "..."` | annotation `title`, for people | none |
/// | `category = "..."` | annotation `category` | none |
/// | `read_only`, `destructive`, `idempotent`, `open_world` | annotations `readOnlyHint` and so on; `= false` says the opposite | unsaid |
/// | `annotations(key = value, ...)` | further annotations: strings, numbers, `true`, `false` | none |
/// | `timeout = "20s"` | how long the function may take, counted from its start: `ms`, `s`, `m`, `h`. Callers that name no timeout wait as long; gateways learn of it by the annotation `timeoutMs` | the worker's |
/// | `max_concurrency = 4` | how many calls run at once; others wait in the tool's own queue, first in, first out, and hold up no other tool | the worker's |
/// | `rate = "10/s"` | how many calls may start per `s`, `m` or `h`; others fail as `rate_limited`. Also `rate_limit` | no limit |
/// | `strict` | take only what fits the schema as it is: no `"42"` for a number. Gateways learn of it by the annotation `strictArguments` | off |
/// | `allow_unknown` | ignore arguments the tool does not have | they are refused |
/// | `inline` | run on the link's own task, for cheap functions only | a task, or a blocking thread for a sync function |
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
/// Generic, `unsafe`, `extern`, or a function with patterns, `impl Trait` or `&mut` in its signature. The name must be free in
/// the type namespace too: no module or struct beside the function can have it.
///
/// # On impl blocks
///
/// On an impl block this is `#[tools]`, for files in which that name is the list's.
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(attribute.into(), item.into()).into()
}

/// Makes tools of the methods of an impl block, those with `#[tool]` on them.
///
/// Methods take `&self`, a value all calls share; functions without `self` may be tools as well. The type (or an `Arc` of it)
/// is then given to a registry as it is. Each method's `#[tool]` takes the keys of the attribute on functions, but for `crate`,
/// which is given once, on the block: `#[tools(crate = path)]`. A type has one such block, and it is not generic.
///
/// ```
/// use platools::ToolRegistry;
/// use platools::attr::tools;
/// use serde_json::json;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// struct Counter {
///     count: AtomicU32,
/// }
///
/// #[tools]
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
#[proc_macro_attribute]
pub fn tools(attribute: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse::<syn::ItemImpl>(item.clone()) {
        Ok(block) => methods::expand(attribute.into(), block).into(),
        Err(_) => {
            let error = syn::Error::new(
                proc_macro2::Span::call_site(),
                "`#[tools]` goes on an impl block; a function is made a tool with `#[tool]`",
            );
            let (error, item) = (error.into_compile_error(), proc_macro2::TokenStream::from(item));
            quote!(#error #item).into()
        }
    }
}

/// What `tools![...]` of the crate `platools` expands to, with the path of that crate in front.
#[doc(hidden)]
#[proc_macro]
pub fn list(input: TokenStream) -> TokenStream {
    list::expand(input.into()).into()
}
