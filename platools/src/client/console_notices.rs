//! [`ConnectionNotices`]: tells a worker's connection on standard error, where the program has no subscriber of `tracing`. A worker that is
//! refused or finds no platform is not silent then.

use std::convert::Infallible;
use std::future::pending;

use futures::StreamExt;
use futures::stream::BoxStream;
use tracing::dispatcher::get_default;
use tracing::subscriber::NoSubscriber;

use super::handle::ClientHandle;
use crate::link::Event;
use platools_transport::Disconnect;

/// Notices of one client for the person who started it.
pub(super) struct ConnectionNotices {
    /// `None` where the log has the same.
    events: Option<BoxStream<'static, Event>>,
}

impl ConnectionNotices {
    /// Listens to a client from now on, unless there is a log.
    pub(super) fn of(client: &ClientHandle) -> Self {
        let has_log = get_default(|subscriber| !subscriber.is::<NoSubscriber>());
        Self { events: (!has_log).then(|| client.events()) }
    }

    /// Writes the notices for as long as it is polled. Cancel-safe.
    pub(super) async fn tell(&mut self) -> Infallible {
        let mut last = None;
        while let Some(event) = self.next().await {
            let notice = notice(&event);
            // A platform that is away for hours is one line, not one for each attempt.
            if notice.is_some() && notice != last {
                notice.iter().for_each(|notice| eprintln!("platools: {notice}"));
                last = notice;
            }
        }
        pending().await
    }

    async fn next(&mut self) -> Option<Event> {
        self.events.as_mut()?.next().await
    }
}

/// An event in words; `None` for one that needs no attention.
fn notice(event: &Event) -> Option<String> {
    match event {
        Event::Registered(_) => Some("connected, and the tools are registered".to_owned()),
        Event::NotConnected { reason } => Some(format!("not connected, trying again: {reason}")),
        // The person who stops a worker knows, and a worker that has moved to another socket is connected.
        Event::Disconnected(Disconnect::Stopped | Disconnect::Moved) => None,
        Event::Disconnected(reason) => Some(format!("the connection ended: {reason}")),
        Event::PlatformError { message } => Some(format!("the platform reports an error: {message}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn notices_say_that_and_why_a_worker_is_not_connected() {
        let refused = Event::NotConnected { reason: "the platform answered with 401".to_owned() };
        assert_eq!(notice(&refused).as_deref(), Some("not connected, trying again: the platform answered with 401"));
        let ended = notice(&Event::Disconnected(Disconnect::Silent)).expect("a notice");
        assert!(ended.starts_with("the connection ended: "), "{ended}");
        assert_eq!(notice(&Event::Disconnected(Disconnect::Stopped)), None);
        assert_eq!(notice(&Event::RegisterThrottled { retry_after: Duration::ZERO }), None);
    }
}
