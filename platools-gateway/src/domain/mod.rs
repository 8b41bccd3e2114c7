//! Plain data that every part of the gateway may use: ids, scopes, callers and their roles, the one error. No lock, no I/O.

pub(crate) mod arrival;
pub(crate) mod audit;
pub(crate) mod decode;
pub(crate) mod digest;
pub mod environment;
pub mod error;
pub mod identity;
pub mod ids;
pub mod origin;
pub mod page;
pub mod profile;
pub(crate) mod random;
pub(crate) mod shared_text;
mod speaks_for;
pub(crate) mod surrogates {
    pub(crate) use platools::tool::well_formed;
}
pub(crate) mod text;
pub mod trace;
