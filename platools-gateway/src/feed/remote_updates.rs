//! Functions of [`Feed`] for the other gateways of an installation: they apply the changes of dashboards there, and bring their messages to
//! dashboards here.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::Feed;
use super::message::KeyedStream;
use super::remote_dashboards::may_see;
use crate::domain::ids::GatewayNumber;
use crate::ports::feed_fan_out::{FeedUpdate, MessageToDashboards, WatchedAgent};

impl Feed {
    /// Applies a change at another gateway.
    pub(crate) fn apply_update(&self, from: GatewayNumber, update: FeedUpdate) {
        match update {
            FeedUpdate::Watched(watched) => self.0.subscriptions.add_remote(from, watched),
            FeedUpdate::Unwatched(watched) => self.0.subscriptions.remove_remote(from, &watched),
        }
    }

    /// Notes all dashboards at another gateway.
    pub(crate) fn replace_watched(&self, of: GatewayNumber, watched: Vec<WatchedAgent>) {
        self.0.subscriptions.replace_remote(of, watched);
    }

    /// The agents that dashboards at this gateway watch.
    pub(crate) fn watched_agents(&self) -> Vec<WatchedAgent> {
        self.0.subscriptions.watched_agents()
    }

    /// Takes a message of another gateway for dashboards at this one. A dashboard that has gone to a third gateway gets it there: each gateway on
    /// the way knows a newer dashboard.
    pub(crate) fn take_dashboard_message(&self, message: MessageToDashboards) {
        let subscriptions = &self.0.subscriptions;
        let Some(shared) = subscriptions.shared() else { return };
        match message {
            MessageToDashboards::Event { agents, text } => {
                let (audience, message) = (subscriptions.audience(&agents), bytes_of(&text));
                audience.here.iter().for_each(|subscription| subscription.mailbox.event(message.clone()));
                audience.send(&*shared.fan_out, |agents| MessageToDashboards::Event { agents, text: text.clone() });
            }
            MessageToDashboards::CallEvent { agent, call, text } => {
                match (subscriptions.of(&agent), subscriptions.gateway_of(&agent)) {
                    (Some(subscription), _) if may_see(&subscription, &agent, &call) => {
                        subscription.mailbox.event(bytes_of(&text));
                    }
                    (None, Some(gateway)) => {
                        shared.fan_out.send(gateway, MessageToDashboards::CallEvent { agent, call, text });
                    }
                    _ => {}
                }
            }
            MessageToDashboards::Value { agents, stream: name, key, value } => {
                let Some(stream) = KeyedStream::named(&name) else { return };
                let (key, message) = (stream.key(&key), bytes_of(&value));
                let Some(agents) = agents else {
                    subscriptions.publish_value(key, &message);
                    return;
                };
                let (audience, name) = (subscriptions.audience(&agents), Arc::<str>::from(key.key));
                for subscription in &audience.here {
                    subscription.mailbox.value(stream, Arc::clone(&name), message.clone());
                }
                audience.send(&*shared.fan_out, |agents| key.message(Some(agents), &message));
            }
        }
    }
}

/// The text of a message, as dashboards get it.
fn bytes_of(text: &RawValue) -> Bytes {
    text.get().to_owned().into()
}
