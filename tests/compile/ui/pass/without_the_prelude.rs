#![no_implicit_prelude]

use ::platools::{Context, tool, tools};
use ::std::assert_eq;

pub struct Db;

/// Needs every name it is given.
#[tool(timeout = "1s", rate = "1/s", max_concurrency = 1, roles = ["a"], read_only, annotations(a = 1))]
async fn full(
    #[arg(default = "x", length(1..), pattern("x"))] text: ::std::string::String,
    #[arg(default, range(0..=9))] number: u8,
    list: &[u8],
    maybe: ::std::option::Option<&str>,
    ctx: &Context,
    #[inject] db: ::std::sync::Arc<Db>,
) -> ::std::result::Result<::std::string::String, ::std::string::String> {
    let _ = (number, list, maybe, ctx, db);
    ::std::result::Result::Ok(text)
}

pub struct Orders;

#[tool]
impl Orders {
    /// Nothing.
    #[tool]
    fn nothing(&self) {}
}

fn main() {
    let tools: ::std::vec::Vec<::std::boxed::Box<dyn ::platools::Tool>> = tools![full];
    assert_eq!(tools.len(), 1);
    assert_eq!(::platools::tool::IntoTools::into_tools(Orders).len(), 1);
}
