//! The first phase: attributes, doc comments and functions as their author wrote them, read into types of this crate.

pub(crate) mod arg_attr;
pub(crate) mod doc_comment;
pub(crate) mod item_fn;
pub(crate) mod keys;
pub(crate) mod marker;
pub(crate) mod parameter;
pub(crate) mod tool_attr;
