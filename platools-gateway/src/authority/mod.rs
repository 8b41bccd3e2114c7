//! Credentials and their limits: signing keys, tokens, what a new credential may allow, and when each was last used.
//!
//! Plain logic and the one file of the signing keys. The database is reached through [`core`](crate::core).

mod grant;
mod hs256;
mod key_file;
mod last_uses;
mod notary;
mod signing_keys;
mod tokens;

pub use key_file::SigningKeySource;
pub use tokens::MAX_TOKEN_TTL;

pub(crate) use grant::{AskedGrant, Grant, default_speaks_for, grant};
pub(crate) use last_uses::LastUses;
pub(crate) use notary::{LoadedKeys, Notary};
pub(crate) use signing_keys::{MAX_GRACE, SigningKey, SigningKeys};
pub(crate) use tokens::{
    CALLER, CallerClaims, NewClaims, Signed, Token, Unverified, WORKER, WorkerClaims, lineage, looks_like_one,
};
