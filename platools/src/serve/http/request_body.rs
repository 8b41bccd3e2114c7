//! [`RepairedBody`]: reads the body of a request and repairs the message in it, before the MCP library `rmcp` reads the message.
//! `message_repair.rs` lists the repairs.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};

use crate::serve::message_repair::repaired;

/// Passes a body on once it is whole, with its message mended. The beginning of one that is too long passes as it is, for the protocol's
/// library to refuse.
pub(super) struct RepairedBody<B> {
    inner: B,
    max_bytes: usize,
    read: Vec<u8>,
    is_passing: bool,
}

impl<B> RepairedBody<B> {
    pub(super) fn new(inner: B, max_bytes: usize) -> Self {
        Self { inner, max_bytes, read: Vec::new(), is_passing: false }
    }

    fn take(&mut self) -> Option<Frame<Bytes>> {
        self.is_passing = true;
        let read = std::mem::take(&mut self.read);
        let whole = match String::from_utf8(read) {
            Ok(text) => Bytes::from(repaired(&text).into_owned()),
            Err(error) => Bytes::from(error.into_bytes()),
        };
        (!whole.is_empty()).then(|| Frame::data(whole))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RepairedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        loop {
            let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx)).transpose()?;
            if this.is_passing {
                return Poll::Ready(frame.map(Ok));
            }
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => this.read.extend_from_slice(&data),
                // Trailers are no part of a message.
                Some(Err(_)) => {}
                None => return Poll::Ready(this.take().map(Ok)),
            }
            if this.read.len() > this.max_bytes {
                this.is_passing = true;
                let read = std::mem::take(&mut this.read);
                return Poll::Ready(Some(Ok(Frame::data(read.into()))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn a_message_is_mended_and_one_that_is_too_long_is_not() {
        let sent = r#"{"method":"tools/call","params":{"arguments":"{}"}}"#;
        let passed = async |max_bytes| {
            let body = RepairedBody::new(Full::new(Bytes::from(sent)), max_bytes).collect().await.expect("no error");
            String::from_utf8(body.to_bytes().to_vec()).expect("text")
        };
        assert_eq!(passed(100).await, r#"{"method":"tools/call","params":{"arguments":{}}}"#);
        assert_eq!(passed(10).await, sent);
        let none = RepairedBody::new(Full::new(Bytes::new()), 10).collect().await.expect("no error");
        assert!(none.to_bytes().is_empty());
    }
}
