//! Carries messages between the gateways of one installation.
//!
//! [`Bus`] is the interface. [`memory`] connects gateways in one process: a gateway that runs alone has a bus to itself, and tests connect
//! several over a network that loses and delays messages. [`nats`] connects gateways on several machines.
//!
//! # Guarantees
//! - A message arrives once or not at all.
//! - Messages that one bus publishes to one subject arrive in the order of publication.
//! - Publishing never waits for subscribers. A subscriber that falls behind its [`InboxBounds`] loses the newest messages.
//! - A subscriber sees [`Event::Gap`] where messages may be missing: after an overflow, and after a lost connection.
//! - A request that ends in [`RequestError::NotDelivered`] reached no subscriber. A request that ends in [`RequestError::Unanswered`] may
//!   have reached one.

mod bus;
mod error;
mod inbox;
pub mod memory;
mod message;
#[cfg(feature = "nats")]
pub mod nats;
mod subject;
mod subscription;

pub use bus::{Bus, State};
pub use error::{MAX_PAYLOAD_BYTES, NotDelivered, PublishError, RequestError};
pub use inbox::InboxBounds;
pub use message::{Event, Message, Responder};
pub use subject::{InvalidSubject, Subject};
pub use subscription::Subscription;
