//! Rules that [`serve`](crate::serve) and the gateway's `/mcp` share, so that both answer clients of the Model Context Protocol alike:
//! [`Exchange`] is one request over HTTP, [`Revision`] the forms of one revision of the protocol, [`Returned`] the result of a call, and
//! [`ToolPage`] a page of tools. For the crates of this workspace; it may change at any time.

mod accept;
mod answer;
mod exchange;
mod page;
mod result;
mod revision;

pub use answer::{Body, STREAM_AFTER};
pub use exchange::{Exchange, Refusal};
pub use page::{MAX_PAGE_BYTES, TOOLS_PER_PAGE, ToolPage, json_bytes};
pub use result::{Answer, Returned};
pub use revision::Revision;

/// The name of the member of `_meta` that has the facts of a failed call.
pub const TOOL_ERROR_META: &str = "platools/toolError";

/// The bytes of a tool's result that are passed on, unless a setting says otherwise: 6 MiB. An object travels twice, as text and as
/// structured content, and clients read messages of up to 16 MiB.
pub const MAX_RESULT_BYTES: usize = 6 * 1024 * 1024;
