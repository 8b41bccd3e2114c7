//! The TLS certificate of the gateway. `Files` reads it, `Certificates` gives it to handshakes, and `Reload` reads it again when it
//! changes.

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
pub(crate) use testing::TestCertificate;
