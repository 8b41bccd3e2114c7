//! The second phase: rules for signatures and impl blocks that parsing alone does not know.

pub(crate) mod impl_block;
pub(crate) mod signature;
