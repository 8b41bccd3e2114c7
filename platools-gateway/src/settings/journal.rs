//! [`JournalSettings`] and [`AuditSettings`]: limits of stored calls and audit events. [`Recording`] chooses which part of a call is
//! stored.

use std::time::Duration;

use super::section::section;
use super::value::{GIB, KIB, Size, days, words};

/// Parts of names that sound secret, in any case and with anything between the letters.
pub const SENSITIVE_NAMES: [&str; 12] = [
    "accesskey",
    "apikey",
    "authorization",
    "connectionstring",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
];

section! {
    /// The record of every call. See [the journal](gateway.md#the-journal).
    pub struct JournalSettings: "journal" titled "Journal of calls" {
        /// Recorded part of arguments and results: full, redacted or nothing.
        pub recording: Recording = Recording::default(), common();
        /// Names of members that are redacted.
        ///
        /// A name is redacted if it contains one of these, in any case and with anything between the letters: `api_key`, `apiKey` and
        /// `X-API-Key` all contain `apikey`. A list with all of the default also redacts names whose last word is short and secret, such as
        /// `pin`. The same names count for options, header fields and parameters in texts.
        pub sensitive_names: Vec<String> = SENSITIVE_NAMES.map(str::to_owned).to_vec(), shaped("NAMES"), default_text("names that sound secret");
        /// Longest arguments or result that are recorded. Of longer ones, only the length is.
        ///
        /// With `redacted`, they may have one value for four of these bytes at most.
        pub max_payload_bytes: usize as Size = 64 * KIB, named("max_payload");
        /// Age at which calls are deleted.
        pub max_age: Duration = days(30), common();
        /// Size of all calls, with 1 KiB for each besides its arguments and result. With more, the oldest are deleted.
        pub max_bytes: u64 as Size = GIB, named("max_size"), common();
    }
}

words! {
    /// The part of arguments and results that the journal records.
    pub enum Recording: "`full`, `redacted` or `nothing`" {
        /// All of it.
        Full = "full",
        /// All but members that a tool's schema marks with `"x-sensitive": true`, values whose names sound secret, and texts that look like
        /// secrets.
        #[default]
        Redacted = "redacted",
        /// The length only.
        Nothing = "nothing",
    }
}

section! {
    /// The record of administrative changes, sign-ins and refusals. See [the audit](gateway.md#the-audit).
    #[derive(PartialEq, Eq)]
    pub struct AuditSettings: "audit" titled "Audit" {
        /// Age at which audit events are deleted.
        pub max_age: Duration = days(90), at_least("1h");
        /// Audit events of each kind: changes, sign-ins, refusals. With more, the oldest of the kind are deleted.
        ///
        /// An event takes up to 2 KiB.
        pub max_rows: u32 = 100_000, at_least("1");
    }
}
