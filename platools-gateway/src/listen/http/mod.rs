//! Checks that a request passes before any protocol sees it: [`Guard`] with its [`HttpSettings`].
//!
//! A browser lets every page send requests to every address that it can reach. It names the page in `Origin`, and the host that the page
//! asked for in `Host`. The guard reads both, so that a protocol only serves callers.

mod cors;
mod guard;
mod host;
mod origin;
mod rejection;
mod request;
mod settings;
mod websocket;

pub(crate) use guard::Site;
pub(super) use guard::{Guard, KnownHost};
pub(super) use rejection::Rejection;
pub use settings::HttpSettings;
