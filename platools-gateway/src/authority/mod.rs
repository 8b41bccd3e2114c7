//! Authority: decides what a caller may see and do, and makes credentials.
//!
//! [`authorize`] decides about one resource. [`CallScope`](crate::domain::call::CallScope) and [`ConversationScope`] select the calls and
//! the conversations that a caller may see in lists. [`speaking_for`] lets a caller act for a user. [`TokenSigner`] signs and verifies
//! tokens of the gateway, [`ApplicationJwtVerifier`] verifies those of an application, and [`grant`] limits the permissions of a new credential.
//! Nothing in here reads the database.

mod application_jwt;
mod denial;
mod grant;
mod hs256;
mod impersonation;
mod key_file;
mod last_uses;
mod list_filters;
mod rules;
pub(crate) mod secret;
mod signing_keys;
mod token_signer;
mod tokens;

pub use key_file::SigningKeySource;
pub use signing_keys::MAX_TOKEN_TTL;

pub(crate) use application_jwt::{ApplicationJwtVerifier, ApplicationUser, MIN_APPLICATION_SECRET_BYTES};
pub(crate) use denial::Denial;
pub(crate) use grant::{AskedGrant, Grant, default_speaks_for, grant};
pub(crate) use impersonation::speaking_for;
pub(crate) use last_uses::LastUses;
pub(crate) use list_filters::ConversationScope;
pub(crate) use rules::{Action, Resource, authorize, may_use};
pub(crate) use signing_keys::{MAX_GRACE, SigningKey, SigningKeys};
pub(crate) use token_signer::{LoadedKeys, NO_PLACE, TokenSigner};
pub(crate) use tokens::{
    CALLER, CallerClaims, NewClaims, Signed, Unverified, VerifiedToken, WORKER, WorkerClaims, lineage, looks_like_one,
    names_gateway,
};
