//! Implements [`Opener`] for an agent's [`SharedState`]: begins a session over HTTP, and opens a socket with the session's ticket.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::timeout;
use tracing::warn;

use super::error::{RuntimeError, RuntimeErrorKind};
use super::shared_state::{Frames, SharedState};
use crate::connection::{Opened, Opener};
use platools_protocol::runtime::{Channels, Connect, Connected, DEFAULT_PAGE, MAX_PAGE, Ticket, path};
use platools_transport::{Error, Socket};

/// The session of a new socket, and the frames for it.
#[derive(Debug)]
pub(super) struct Welcome {
    pub(super) connected: Connected,
    pub(super) frames: Frames,
}

/// The number of pages of channels that are read.
const MAX_PAGES: usize = 100;

impl Opener for Arc<SharedState> {
    type Welcome = Welcome;

    async fn open(&self) -> Result<Opened<Welcome>, Error> {
        Ok(SharedState::open(self).await?)
    }
}

impl SharedState {
    /// Begins a session and opens a socket for it, with the key as it is now.
    pub(super) async fn open(&self) -> Result<Opened<Welcome>, RuntimeError> {
        let mut connect = Connect::new().with_client("platools-rust", env!("CARGO_PKG_VERSION"));
        connect.metadata.clone_from(&self.settings.metadata);
        let connected: Connected = self.http.ask("POST", path::CONNECT, connect).await?;
        *self.session() = Some(connected.clone());
        let ticket: Ticket = self.http.ask("POST", path::TICKET, ()).await?;
        if ticket.ticket.is_empty() {
            return Err(RuntimeError::new(
                RuntimeErrorKind::InvalidReply,
                "the gateway sent an empty ticket for the socket",
            ));
        }
        let socket = self.socket(&ticket).await?;
        self.join_channels().await;
        // Attached before the state is reported: an application that learns of the socket can send.
        Ok(Opened { socket, welcome: Welcome { connected, frames: self.attach() } })
    }

    async fn socket(&self, ticket: &Ticket) -> Result<Socket, Error> {
        let dialler = self.http.dialler();
        let steps = async { dialler.socket(dialler.request_at(&path::socket(&ticket.ticket))?).await };
        dialler.in_time(steps).await
    }

    /// Asks for the channels that the agent is a member of. A failure does not fail the connection: the channels known before are kept beside
    /// those that were found.
    async fn join_channels(&self) {
        let (mut known, mut member) = (BTreeSet::new(), BTreeSet::new());
        let whole = self.find_channels(&mut known, &mut member).await;
        drop(self.change_channels(|channels| match whole {
            Ok(()) => channels.joined(member),
            Err(error) => {
                warn!(%error, channels.known = known.len(), "channels of the agent not all read; the client subscribes to those that are known");
                channels.joined_also(member);
            }
        }));
    }

    /// Reads the channels page by page, each within the time that a socket may take.
    async fn find_channels(
        &self,
        known: &mut BTreeSet<String>,
        member: &mut BTreeSet<String>,
    ) -> Result<(), RuntimeError> {
        let limit = self.http.dialler().time_limit();
        let too_slow =
            |_| RuntimeError::new(RuntimeErrorKind::TimedOut, format!("the gateway did not respond within {limit:?}"));
        let mut offset = 0;
        for _ in 0..MAX_PAGES {
            let path = path::page(path::CHANNELS, MAX_PAGE, offset);
            let asked = timeout(limit, self.http.ask::<Channels>("GET", &path, ()));
            let page = asked.await.map_err(too_slow)??;
            offset += page.channels.len();
            // One that does not say how many it allows for may allow for no more than is usual.
            let is_last = page.channels.len() < page.limit.unwrap_or(DEFAULT_PAGE);
            let before = known.len();
            for channel in page.channels {
                if channel.is_member {
                    member.insert(channel.id.clone());
                }
                known.insert(channel.id);
            }
            // A gateway that knows no `offset` answers with the same page again.
            if is_last || known.len() == before {
                break;
            }
        }
        Ok(())
    }
}
