//! [`read_missing`]: the task that reads messages of channels from the database which did not come in order from the other gateways.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::channel_listeners::MessagesToRead;
use super::events;
use super::shared_sessions::SharedSessions;
use crate::domain::error::Error;
use crate::ports::channels::ChannelStore;

/// The number of messages that are read at once.
const AT_ONCE: i64 = 256;

/// The wait before the next attempt to read from a database that failed.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// Reads the messages that subscribers miss. Never returns.
pub(super) async fn read_missing(store: Arc<dyn ChannelStore>, shared: Arc<SharedSessions>) {
    loop {
        let to_read = shared.table().messages_to_read();
        let Some(to_read) = to_read else {
            shared.messages_missing.notified().await;
            continue;
        };
        if let Err(error) = read(&*store, &shared, &to_read).await {
            tracing::warn!(%error, channel.id = %to_read.channel.id, "messages of a channel cannot be read yet");
            sleep(NEXT_TRY).await;
        }
    }
}

async fn read(store: &dyn ChannelStore, shared: &SharedSessions, to_read: &MessagesToRead) -> Result<(), Error> {
    let rows = store.channel_messages_from(&to_read.channel.id, to_read.from, AT_ONCE).await?;
    let messages: Vec<_> = rows.iter().map(|row| (row.position, events::message(&to_read.channel, row))).collect();
    let is_complete = i64::try_from(messages.len()).is_ok_and(|count| count < AT_ONCE);
    shared.table().take_read(to_read, &messages, is_complete);
    Ok(())
}
