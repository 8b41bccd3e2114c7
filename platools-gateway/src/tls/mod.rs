//! The gateway's certificate and private key: read from files, checked, and read again when the files change.

mod certificates;
mod files;
mod reload;
#[cfg(test)]
mod testing;
mod validity;

pub(crate) use certificates::Certificates;
pub(crate) use files::Files;
pub(crate) use reload::{Keeper, Reload};
#[cfg(test)]
pub(crate) use testing::Identity;
