//! Its one test uses platools under another name.
