//! The second phase of a macro: checks the rules that need a whole signature or impl block. The first phase, `parse`, checks the rules
//! about a single attribute, such as a default that must be in its range.

pub(crate) mod impl_block;
pub(crate) mod signature;
