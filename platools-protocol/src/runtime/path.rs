//! The HTTP paths of the runtime protocol, such as `/v1/runtime/connect`. The gateway and its clients share them.

use std::fmt::Write as _;

/// `POST`: begins a session. [`Connect`](super::Connect), [`Connected`](super::Connected).
pub const CONNECT: &str = "/v1/runtime/connect";

/// `POST`: ends the session. [`Disconnect`](super::Disconnect), [`Done`](super::Done).
pub const DISCONNECT: &str = "/v1/runtime/disconnect";

/// `POST`: keeps the session alive. [`HeartbeatReply`](super::HeartbeatReply).
pub const HEARTBEAT: &str = "/v1/runtime/heartbeat";

/// `GET`: how the agent stands. [`Status`](super::Status).
pub const STATUS: &str = "/v1/runtime/status";

/// `GET`, with `limit` and `offset`: the connected agents. [`Presence`](super::Presence).
pub const PRESENCE: &str = "/v1/runtime/presence";

/// `POST`: what a socket is opened with. [`Ticket`](super::Ticket).
pub const TICKET: &str = "/v1/ws/ticket";

/// The WebSocket, with the `ticket` in its query.
pub const SOCKET: &str = "/ws/runtime";

/// `GET`, with `limit` and `offset`: the channels there are. [`Channels`](super::Channels). `POST`: makes one.
/// [`NewChannel`](super::NewChannel), [`Channel`](super::Channel).
pub const CHANNELS: &str = "/v1/channels";

/// `POST`: makes the agent a member of a channel. [`Done`](super::Done).
#[must_use]
pub fn join(channel_id: &str) -> String {
    of_channel(channel_id, "join")
}

/// `POST`: ends the agent's membership. [`Done`](super::Done).
#[must_use]
pub fn leave(channel_id: &str) -> String {
    of_channel(channel_id, "leave")
}

/// `POST`: says something to everyone in a channel. [`NewMessage`](super::NewMessage),
/// [`ChannelMessage`](super::ChannelMessage).
#[must_use]
pub fn messages(channel_id: &str) -> String {
    of_channel(channel_id, "messages")
}

/// The path of a page of a list.
///
/// ```
/// use platools_protocol::runtime::path;
///
/// assert_eq!(path::page(path::PRESENCE, 50, 100), "/v1/runtime/presence?limit=50&offset=100");
/// ```
#[must_use]
pub fn page(list: &str, limit: usize, offset: usize) -> String {
    format!("{list}?limit={limit}&offset={offset}")
}

/// The socket, for the holder of a ticket.
#[must_use]
pub fn socket(ticket: &str) -> String {
    format!("{SOCKET}?ticket={}", encoded(ticket))
}

fn of_channel(channel_id: &str, what: &str) -> String {
    format!("{CHANNELS}/{}/{what}", encoded(channel_id))
}

/// A text as one segment of a path or one value of a query, so that an id with a slash in it leads nowhere else.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => encoded.push(char::from(byte)),
            // A dot alone is no danger, but two of them are a way up.
            b'.' if text.bytes().any(|byte| byte != b'.') => encoded.push('.'),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    encoded
}
