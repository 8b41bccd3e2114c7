//! Parts of HTTP that several protocols share.

pub(super) mod body;
