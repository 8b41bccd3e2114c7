//! Empty: the one test of this package uses the crate `platools` under another name.
