//! [`tools!`](crate::tools): makes a list of tools for a registry or a client.

/// Lists tools: `tools![find, orders::cancel]` is a `Vec<Box<dyn Tool>>`.
///
/// Each entry is the path of a function with [`#[tool]`](macro@crate::tool); `#[cfg(...)]` in front of one is kept. Listing a path twice, or two tools with one name, does
/// not compile.
///
/// ```
/// use platools::{ToolRegistry, tool, tools};
///
/// /// Add two numbers.
/// #[tool]
/// fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// # fn main() -> Result<(), platools::Error> {
/// let registry = ToolRegistry::new().with_tools(tools![add])?;
/// assert_eq!(registry.names(), ["add"]);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! tools {
    ($($tools:tt)*) => {
        $crate::__private::list! { [$crate] $($tools)* }
    };
}
