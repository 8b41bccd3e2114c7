//! HTTP beneath the protocols: [`Guard`] with its [`HttpSettings`], which a request passes before any protocol sees it, and the reading of
//! bodies.
//!
//! A browser lets every page send requests to every address that it can reach. It names the page in `Origin`, and the host that the page
//! asked for in `Host`. The guard reads both, so that a protocol only serves callers.

pub(super) mod body;
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
