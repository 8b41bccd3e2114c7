//! The tests of this package read the sources of the others; it has none of its own.
