//! Empty: the one test of this package compiles the cases in `ui` with the SDK.
