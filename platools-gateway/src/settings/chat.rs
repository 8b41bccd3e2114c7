//! [`ChatSettings`]: limits of conversations with agents. [`WhenBusy`] is the rule for a message that arrives while the agent still
//! answers.

use std::time::Duration;

use super::section::section;
use super::value::{GIB, MIB, Size, days, minutes, words};

section! {
    /// Limits of conversations with agents.
    pub struct ChatSettings: "chat" titled "Conversations with agents" {
        /// Handling of a message that comes while the previous one is being answered: queue or refuse.
        ///
        /// Up to 15 messages wait in the queue.
        pub busy: WhenBusy = WhenBusy::default();
        /// Longest time of an agent's answer.
        pub run_limit: Duration = minutes(5), at_least("1s");
        /// Time from its last message to the deletion of a conversation.
        pub max_age: Duration = days(90), at_least("1m");
        /// Messages of one conversation. Further ones replace the oldest.
        pub max_messages: u32 = 10_000, at_least("1");
        /// Size of one conversation. Further messages replace the oldest; the newest message stays.
        pub max_conversation_bytes: u64 as Size = 16 * MIB, named("max_conversation_size"), at_least("512KiB");
        /// Size of the conversations of one project.
        ///
        /// With more, the user with the most data loses the conversations that were quiet for longest.
        pub max_project_bytes: u64 as Size = GIB, named("max_project_size");
        /// Conversations of one user. A further one replaces the one that was quiet for longest.
        pub max_conversations: u32 = 1000, at_least("1");
        /// Size of the newest messages that an agent receives for its next answer.
        ///
        /// An agent receives at most 200 of them.
        pub max_history_bytes: u64 as Size = MIB, named("history_size"), at_least("512KiB");
    }
}

words! {
    /// The handling of a message that comes while the previous one of its conversation is being answered.
    pub enum WhenBusy: "`queue` or `refuse`" {
        /// The message waits, with up to 15 others.
        #[default]
        Queue = "queue",
        /// The message is refused.
        Refuse = "refuse",
    }
}
