//! [`Subscriptions`]: remembers the channels that an agent listens to, so that each new socket subscribes to all of them again. Plain state
//! without I/O.

use std::collections::BTreeSet;

/// The channels of a client, from its `connect` to its `disconnect`.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Channels that the application subscribed to.
    asked: BTreeSet<String>,
    /// Channels that the agent is a member of, as the gateway said last.
    member: BTreeSet<String>,
    /// Channels that the application unsubscribed from, also if the agent is a member.
    given_up: BTreeSet<String>,
}

impl Subscriptions {
    /// Subscribes to a channel.
    pub(super) fn ask(&mut self, channel_id: &str) {
        self.given_up.remove(channel_id);
        self.asked.insert(channel_id.to_owned());
    }

    /// Unsubscribes from a channel.
    pub(super) fn give_up(&mut self, channel_id: &str) {
        self.asked.remove(channel_id);
        self.given_up.insert(channel_id.to_owned());
    }

    /// Replaces the channels that the agent is a member of.
    pub(super) fn joined(&mut self, channel_ids: BTreeSet<String>) {
        self.member = channel_ids;
    }

    /// Adds channels that the agent is a member of.
    pub(super) fn joined_also(&mut self, mut channel_ids: BTreeSet<String>) {
        self.member.append(&mut channel_ids);
    }

    /// Returns the channels that a new socket subscribes to.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let member = self.member.difference(&self.given_up);
        self.asked.iter().chain(member.filter(|channel_id| !self.asked.contains(*channel_id))).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(subscriptions: &Subscriptions) -> Vec<&str> {
        subscriptions.all().collect()
    }

    #[test]
    fn channels_are_those_asked_for_and_those_of_the_agent_but_not_those_given_up() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.ask("a");
        subscriptions.joined(["a", "b", "c"].map(str::to_owned).into());
        assert_eq!(all(&subscriptions), ["a", "b", "c"]);
        subscriptions.give_up("a");
        subscriptions.give_up("b");
        assert_eq!(all(&subscriptions), ["c"]);
        subscriptions.joined(["a", "b"].map(str::to_owned).into());
        assert_eq!(all(&subscriptions), [""; 0], "what was given up stays so, also on another socket");
        subscriptions.ask("b");
        assert_eq!(all(&subscriptions), ["b"]);
    }
}
