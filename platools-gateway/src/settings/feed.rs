//! [`FeedSettings`]: limits of dashboards. [`DashboardTokenSettings`]: the tokens of an application that dashboards may use.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::section::section;
use super::value::{KIB, Size, seconds};

section! {
    /// Limits of dashboards at `/ws`. [The live feed](feed.md) describes them.
    #[derive(PartialEq, Eq)]
    pub struct FeedSettings: "feed" titled "Dashboards" {
        /// Time from one ping of a dashboard to the next.
        ///
        /// A dashboard without a pong to two pings in a row, each for this time, is closed.
        pub ping_interval: Duration = seconds(30), at_least("1s");
        /// Time in which values for a dashboard are gathered into one message.
        pub tick: Duration = Duration::from_millis(100), at_least("1ms");
        /// Longest time of a snapshot for a dashboard. After it, the dashboard receives an error.
        pub snapshot_limit: Duration = seconds(10), at_least("1s");
        /// Longest message of a dashboard. A longer one closes the connection with 1009.
        pub max_message_bytes: usize as Size = 64 * KIB, named("max_message"), at_least("1KiB");
        /// Events that wait for a slow dashboard. With more, they are dropped and a fresh snapshot replaces them.
        pub waiting_events: usize = 256, at_least("1");
        /// Keys whose values wait for a slow dashboard. With more, a fresh snapshot replaces them.
        pub waiting_keys: usize = 16_384, at_least("1");
        /// Size of the events, and of the values, that wait for a slow dashboard. With more, a fresh snapshot replaces them.
        pub waiting_bytes: usize as Size = 4 * 1024 * KIB;
    }
}

section! {
    /// The application's own tokens, with which its users' dashboards may connect: JWT, HS256. See [the live
    /// feed](feed.md#with-your-applications-own-tokens).
    pub struct DashboardTokenSettings: "feed.jwt" titled "Dashboards with tokens of the application" {
        /// File with the secret that signs the application's tokens.
        ///
        /// The secret has 32 bytes or more. White space at the ends of the file does not count. A new secret needs a restart. Without a
        /// secret, only tokens of the gateway are accepted.
        pub secret_file: Option<PathBuf> = None, example("/etc/platools/application-secret");
        /// The secret itself, in place of the file.
        pub secret: Option<SecretString> = None;
        /// Claim with the user's id, as text or as a whole number.
        pub user_claim: Option<String> = None, shaped("NAME"), default_text("userId"), example("userId");
        /// Issuer (`iss`) of the tokens.
        pub issuer: Option<String> = None, default_text("any"), example("https://app.example.com");
        /// Audience (`aud`) of the tokens. Without this setting, a token must have no audience.
        pub audience: Option<String> = None, example("dashboard");
        /// Project of the users' agents.
        pub project: Option<String> = None, shaped("ORGANIZATION/PROJECT"), default_text("default/default"), example("acme/shop");
    }
}
