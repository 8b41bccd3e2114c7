//! Expansions give no lint anything to say.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused, rust_2018_idioms)]
#![deny(unused_qualifications, let_underscore_drop, trivial_casts, unused_lifetimes, single_use_lifetimes)]

use platools::tool::IntoTools;
use platools::{Context, tool, tools};

/// State.
#[derive(Debug, Clone)]
pub struct Db;

/// Look up.
#[tool(auth = "user", roles = ["a"], timeout = "1s", rate = "1/s", max_concurrency = 2, read_only, category = "T")]
pub(crate) async fn look_up(
    /// The id.
    id: String,
    #[arg(default = 1, range(1..=3))] quantity: u32,
    note: Option<&str>,
    ctx: &Context,
    #[inject] db: Db,
) -> Result<u32, String> {
    drop((id, note, ctx.clone(), db));
    Ok(quantity)
}

/// Never listed.
#[tool]
fn unlisted() {}

/// Nothing but methods.
#[derive(Debug)]
pub struct Orders;

#[platools::attr::tools]
impl Orders {
    /// Count.
    #[tool]
    async fn count(&self) -> u8 {
        1
    }
}

fn main() {
    assert_eq!(tools![look_up].len(), 1);
    assert_eq!(IntoTools::into_tools(Orders).len(), 1);
}
