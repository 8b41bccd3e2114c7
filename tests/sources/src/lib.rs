//! Empty: the tests of this package read the sources of the other packages.
