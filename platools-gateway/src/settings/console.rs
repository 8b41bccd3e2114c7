//! [`ConsoleSettings`]: the console at `/console`, and the sessions of browsers.

use std::time::Duration;

use super::section::section;
use super::value::{days, minutes};

section! {
    /// The console at `/console`, and the sessions of browsers that sign in there. See [that page](console.md).
    #[derive(PartialEq, Eq)]
    pub struct ConsoleSettings: "console" titled "The console" {
        /// Serves the console, and lets browsers sign in with a key or token. Without it, `/console` is not there.
        pub enabled: bool = true;
        /// Time without a request after which the session of a browser ends.
        pub session_idle: Duration = minutes(12 * 60), at_least("1m");
        /// Longest time of the session of a browser. It never outlives its key or token.
        pub session_lifetime: Duration = days(7), at_least("1m");
    }
}
