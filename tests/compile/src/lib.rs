//! Its one test compiles the cases in `ui` with the SDK.
