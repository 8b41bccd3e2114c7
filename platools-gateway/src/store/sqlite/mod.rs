//! The SQLite side of the store: its connections, the version of its schema, copies of its file, and its upkeep.

mod connections;
mod copy;
mod files;
mod replace;
mod schema;
mod upgrade;
mod upkeep;

pub(super) use connections::{anchor, list_pool, options, read_pool, write_pool};
pub(crate) use copy::copy_online;
pub(super) use files::failed;
pub use replace::Restored;
pub(crate) use replace::{downgrade, restore};
pub(super) use schema::{make, migrate, schema_of};
pub use upgrade::Upgraded;
pub(crate) use upgrade::upgrade;
pub(super) use upkeep::Upkeep;
