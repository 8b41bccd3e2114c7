//! The first phase of a macro: reads attributes, doc comments and functions into types of this crate. `model.rs` makes a tool of them.

pub(crate) mod arg_attr;
pub(crate) mod attribute_keys;
pub(crate) mod doc_comment;
pub(crate) mod item_fn;
pub(crate) mod parameter;
pub(crate) mod tool_attr;
pub(crate) mod tool_marker;
