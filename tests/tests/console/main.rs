//! Tests of the console in Chromium. `console/setup` installs the browser, and a checker of accessibility that looks at every screen.
//!
//! The pages are found as people find them: by the names of links, buttons and fields. Pictures of the screens are in `tmp/console` of the
//! folder for what is built.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod page;
mod screens;
mod sessions;
mod tools;
