//! [`LinkObserver`]: the trait of code that publishes the links of this gateway to others.

use std::fmt;

use super::live_link::LiveLink;
use crate::catalog::DeclaredTools;
use crate::domain::ids::LinkId;
use crate::pending_calls::LinkEnd;

/// Observer of the links whose sockets this gateway has. It is told of the changes of each link in their order, and must neither wait nor
/// panic.
pub(crate) trait LinkObserver: fmt::Debug + Send + Sync {
    /// A link is live.
    fn attached(&self, link: &LiveLink);

    /// A link has declared its tools.
    fn declared(&self, link: &LiveLink, tools: &DeclaredTools);

    /// The worker of a link stops, and takes no more calls.
    fn leaving(&self, link: &LinkId);

    /// A link has ended.
    fn ended(&self, link: &LinkId, end: &LinkEnd);
}
