//! The list of tools, and the attributes of one file that need a list of the same name.

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

/// The attributes, under the names [`tool`](macro@attr::tool) and [`tools`](macro@attr::tools).
///
/// Rust has one namespace for `#[tools]` and `tools![...]`, so one `use` brings one of them: `use platools::tools` brings the
/// list, `use platools::attr::tools` the attribute. A file that needs both names writes `#[tool]` on the impl block, which means
/// the same, or one of the two by its full path.
pub mod attr {
    pub use platools_macros::{tool, tools};
}
