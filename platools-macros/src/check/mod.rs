//! The second phase of a macro: rules that need a whole signature or impl block. The first phase (`parse`) checks single attributes, such as a
//! default against its range (`arg_attr`).

pub(crate) mod impl_block;
pub(crate) mod signature;
