//! [`send`]: sends an HTTP request byte for byte.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::within;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    head: String,
    body: String,
}

impl RawAnswer {
    /// Values of a header, with commas between several; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let values = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.collect::<Vec<_>>().join(",")
    }

    /// The code of a refusal by the guard.
    pub(crate) fn refusal_of_guard(&self) -> Option<&'static str> {
        ["host_not_allowed", "origin_not_allowed", "upgrade_required"].into_iter().find(|code| self.body.contains(code))
    }

    /// The text of problem details with that code.
    pub(crate) fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!((self.status, &*self.header("content-type")), (status, "application/problem+json"), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()), "{self:?}");
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// Sends `request`, a request line and headers with line feeds between them, and reads one answer.
pub(crate) async fn send(address: SocketAddr, request: &str) -> RawAnswer {
    let mut stream = within(TcpStream::connect(address)).await.unwrap();
    let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
    within(stream.write_all(bytes.as_bytes())).await.unwrap();
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        assert_ne!(within(stream.read_buf(&mut read)).await.unwrap(), 0, "it ended before the answer");
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = RawAnswer { status, head, body: String::new() };
    let length = answer.header("content-length").parse().unwrap_or(0);
    let mut body = read.split_off(end + 4);
    while body.len() < length {
        assert_ne!(within(stream.read_buf(&mut body)).await.unwrap(), 0, "it ended within the answer");
    }
    // After an upgrade there may be frames already.
    body.truncate(length);
    answer.body = String::from_utf8(body).unwrap();
    answer
}
