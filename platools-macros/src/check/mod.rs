//! The second phase of a macro: rules that need a whole signature or impl block, which one parsed attribute does not show.

pub(crate) mod impl_block;
pub(crate) mod signature;
