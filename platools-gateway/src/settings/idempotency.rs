//! [`IdempotencySettings`]: limits of the answers that are stored under idempotency keys.

use super::section::section;
use super::value::{GIB, MIB, Size};

section! {
    /// Limits of the answers that are stored under idempotency keys, for 24 hours.
    #[derive(PartialEq, Eq)]
    pub struct IdempotencySettings: "idempotency" titled "Idempotency keys" {
        /// Longest answer that is stored. A repeated call with a longer one is told so.
        pub max_answer_bytes: u64 as Size = MIB, named("max_answer");
        /// Size of the answers of one project. With more, the oldest answers are dropped; their calls stay known and do not run again.
        pub max_project_bytes: u64 as Size = 256 * MIB, named("max_project_size");
        /// Size of the answers of all projects. With more, the project with the most data loses its oldest.
        pub max_bytes: u64 as Size = GIB, named("max_size");
        /// Idempotency keys of one project. A call with a further one is refused.
        pub max_keys: u32 = 1_000_000, at_least("1");
    }
}
