//! Authority: decides who may see or do what, and makes the credentials that show it.
//!
//! [`authorize`] answers for one resource, [`CallScope`](crate::domain::call::CallScope) and [`ConversationScope`] narrow lists in the same way, and [`speaking_for`]
//! gives a caller the user it names. Every protocol and every service of the gateway asks here. [`Notary`] signs and verifies tokens,
//! [`ApplicationTokens`] verifies those that an application signs for its users, and
//! [`grant`] cuts a new credential down to what its maker may hand on. All of it is plain logic and the one file of the signing keys; the
//! database is reached through [`core`](crate::core).

mod application_tokens;
mod denial;
mod grant;
mod hs256;
mod key_file;
mod last_uses;
mod lists;
mod notary;
mod rules;
pub(crate) mod secret;
mod signing_keys;
mod speaking;
mod tokens;

pub use key_file::SigningKeySource;
pub use signing_keys::MAX_TOKEN_TTL;

pub(crate) use application_tokens::{ApplicationTokens, ApplicationUser, MIN_APPLICATION_SECRET_BYTES};
pub(crate) use grant::{AskedGrant, Grant, default_speaks_for, grant};
pub(crate) use last_uses::LastUses;
pub(crate) use lists::ConversationScope;
pub(crate) use notary::{LoadedKeys, NO_PLACE, Notary};
pub(crate) use rules::{Action, Resource, authorize, may_use};
pub(crate) use signing_keys::{MAX_GRACE, SigningKey, SigningKeys};
pub(crate) use speaking::speaking_for;
pub(crate) use tokens::{
    CALLER, CallerClaims, NewClaims, Signed, Token, Unverified, WORKER, WorkerClaims, lineage, looks_like_one,
    names_gateway,
};
