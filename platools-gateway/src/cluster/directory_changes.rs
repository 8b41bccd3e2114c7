//! [`DirectoryPublisher`]: tells the other members of each revision of the directory that this one reads first. [`DirectoryReader`] reads
//! the directory there, so that a revoked key is refused everywhere at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

use super::messenger::{MemberMessage, Messenger, Topic};
use crate::admin::Reconciler;
use crate::ports::directory::DirectoryObserver;

/// The revisions of the directory.
const DIRECTORY: Topic = Topic::new("directory");

/// A message of [`DIRECTORY`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Revised {
    gateway: u16,
    revision: i64,
}

/// Publishes the revisions of the directory that no other member has published.
#[derive(Debug)]
pub(crate) struct DirectoryPublisher {
    messenger: Messenger,
    /// The latest revision that some member has published.
    published: AtomicI64,
}

impl DirectoryPublisher {
    pub(super) fn new(messenger: Messenger) -> Self {
        Self { messenger, published: AtomicI64::default() }
    }
}

impl DirectoryObserver for DirectoryPublisher {
    fn changed(&self, revision: i64) {
        if self.published.fetch_max(revision, Ordering::Relaxed) >= revision {
            return;
        }
        let revised = Revised { gateway: self.messenger.number().get(), revision };
        // Members that miss it find the revision when they look into the database.
        if let Err(error) = self.messenger.publish(DIRECTORY, &revised) {
            tracing::debug!(revision, %error, "a revision of the directory was not published");
        }
    }
}

/// Reads the revisions that other members have published, and applies them.
#[derive(Debug)]
pub(super) struct DirectoryReader {
    pub(super) messenger: Messenger,
    pub(super) publisher: Arc<DirectoryPublisher>,
    pub(super) reconciler: Arc<Reconciler>,
}

impl DirectoryReader {
    /// Receives messages. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut messages = self.messenger.messages_to_all(DIRECTORY);
        while let Some(received) = messages.next::<Revised>().await {
            match received {
                MemberMessage::Message(revised, _) if revised.gateway == self.messenger.number().get() => continue,
                MemberMessage::Message(revised, _) => {
                    self.publisher.published.fetch_max(revised.revision, Ordering::Relaxed);
                }
                MemberMessage::Gap => {}
            }
            if let Err(error) = self.reconciler.reconcile().await {
                tracing::warn!(%error, "the directory that another gateway changed could not be read yet");
            }
        }
    }
}
