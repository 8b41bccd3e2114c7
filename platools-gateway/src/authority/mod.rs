//! Authority: decides who may see or do what.
//!
//! [`authorize`] answers for one resource, [`CallScope`] and [`ConversationScope`] narrow lists in the same way, and [`speaking_for`]
//! gives a caller the user it names. Every protocol and every service of the gateway asks here.

mod denial;
mod lists;
mod rules;
mod speaking;

pub(crate) use lists::{CallScope, ConversationScope};
pub(crate) use rules::{Action, Resource, authorize};
pub(crate) use speaking::speaking_for;
