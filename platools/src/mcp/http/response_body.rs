//! [`Body`]: the body of a response that the MCP library `rmcp` made. The functions turn a stream of events into one JSON body, for a large
//! answer or for a client that reads no streams.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::response::Parts;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::sleep;

/// The time that an answer may keep a client waiting for its head, unless a setting says otherwise: 10 seconds. Proxies wait longer, and
/// clients that lose the connection before have no event to resume the answer after.
pub const STREAM_AFTER: Duration = Duration::from_secs(10);

/// An answer with more bytes is no event. Clients read events up to 1 MiB by default (the official one for Python does), and an
/// answer is larger as an event than its content by what JSON escapes.
const MAX_EVENT_BYTES: usize = 512 * 1024;

pub(super) const EVENTS: &str = "text/event-stream";
pub(super) const JSON: &str = "application/json";

/// Tells proxies not to keep a stream back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The body of a response of the library.
pub type Body = BoxBody<Bytes, Infallible>;

/// Makes a response keep a value until its body is read or dropped.
pub fn holding<T: Send + Sync + Unpin + 'static>(response: Response<Body>, held: T) -> Response<Body> {
    response.map(|body| BodyExt::boxed(Holding { body, _held: held }))
}

struct Holding<T> {
    body: Body,
    _held: T,
}

impl<T: Unpin> hyper::body::Body for Holding<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// True for the media type of JSON, with any parameters and in any case.
pub(super) fn is_json(kind: Option<&HeaderValue>) -> bool {
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JSON))
}

/// True for a stream of events.
pub(super) fn is_stream<B>(response: &Response<B>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(EVENTS.as_bytes()))
}

/// Turns a stream of events into one JSON body of its answer, and leaves out the messages before it. `None` if the stream ends without
/// an answer.
pub(super) async fn only_answer(response: Response<Body>) -> Option<Response<Body>> {
    let (parts, mut body) = response.into_parts();
    while let Some(Ok(frame)) = body.frame().await {
        let message = frame.data_ref().and_then(message);
        if let Some(answer) = message.filter(|message| is_answer(message)) {
            return Some(whole(parts, answer));
        }
    }
    None
}

/// Turns a stream of events into one JSON body if its first message is a large answer.
///
/// The client accepts both forms. The head of the response waits for the first message, for `stream_after` at
/// most; from then on the response is a stream, whatever comes over it.
pub(super) async fn whole_if_large(response: Response<Body>, stream_after: Duration) -> Response<Body> {
    let (parts, mut body) = response.into_parts();
    let mut held = Vec::new();
    let mut wait = std::pin::pin!(sleep(stream_after));
    loop {
        // Both arms are cancel-safe: a frame that is not ready stays in the body.
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = &mut wait => break,
        };
        let Some(Ok(frame)) = frame else { break };
        let message = frame.data_ref().and_then(message);
        if let Some(answer) = message.as_ref().filter(|message| message.len() > MAX_EVENT_BYTES && is_answer(message)) {
            return whole(parts, answer.clone());
        }
        held.push(frame);
        if message.is_some() {
            break;
        }
    }
    let held = stream::iter(held.into_iter().map(Ok));
    Response::from_parts(parts, BodyExt::boxed(StreamBody::new(held.chain(BodyStream::new(body)))))
}

fn whole(mut parts: Parts, answer: Bytes) -> Response<Body> {
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    parts.headers.remove(UNBUFFERED);
    Response::from_parts(parts, Full::new(answer).boxed())
}

/// The message of an event; none if it is a comment, or only has an id to resume after. rmcp writes each event as one frame, and its
/// message as one line.
pub(super) fn message(event: &Bytes) -> Option<Bytes> {
    let line = event.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data:"))?;
    let data = line.strip_prefix(b" ").unwrap_or(line);
    (!data.is_empty()).then(|| event.slice_ref(data))
}

/// True if a message is an answer, after which nothing follows. Requests and notifications have a method.
fn is_answer(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outline {
        method: Option<IgnoredAny>,
    }
    serde_json::from_slice(message).is_ok_and(|outline: Outline| outline.method.is_none())
}

#[cfg(test)]
mod tests {
    use futures::Stream;
    use tokio::time::Instant;

    use super::*;

    fn response(events: impl Stream<Item = String> + Send + Sync + 'static) -> Response<Body> {
        let frames = events.map(|event| Ok(Frame::data(Bytes::from(event))));
        let response = Response::builder().header(CONTENT_TYPE, EVENTS).header(UNBUFFERED, "no");
        response.body(BodyExt::boxed(StreamBody::new(frames))).expect("a response")
    }

    fn answer(bytes: usize) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"text":"{}"}}}}"#, "x".repeat(bytes))
    }

    fn event(message: &str) -> String {
        format!("id: 1\ndata: {message}\n\n")
    }

    const PRIMING: &str = "id: 0\nretry: 3000\ndata: \n\n";
    const PROGRESS: &str = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";

    async fn read(response: Response<Body>) -> (String, String) {
        let kind = response.headers()[CONTENT_TYPE].to_str().expect("text").to_owned();
        let bytes = response.into_body().collect().await.expect("it is infallible").to_bytes();
        (kind, String::from_utf8(bytes.into()).expect("text"))
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_large_answer_that_is_the_first_message_is_one_json_body() {
        let (large, small) = (answer(MAX_EVENT_BYTES), answer(10));
        let notice = format!(r#"{{"method":"m","params":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES));
        for (events, is_whole) in [
            (vec![event(&large)], true),
            (vec![PRIMING.to_owned(), ":\n\n".to_owned(), event(&large)], true),
            (vec![PRIMING.to_owned(), event(&small)], false),
            (vec![PROGRESS.to_owned(), event(&large)], false),
            (vec![event(&notice), event(&small)], false),
            (vec![PRIMING.to_owned()], false),
            (vec![], false),
        ] {
            let all = events.concat();
            let (kind, body) = read(whole_if_large(response(stream::iter(events)), STREAM_AFTER).await).await;
            if is_whole {
                assert_eq!((kind.as_str(), body == large), (JSON, true));
            } else {
                assert_eq!((kind.as_str(), body == all), (EVENTS, true), "{}", &all[..all.len().min(100)]);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_takes_longer_is_a_stream_from_then_on() {
        let begun = Instant::now();
        let late = stream::once(async {
            sleep(2 * STREAM_AFTER).await;
            event(&answer(MAX_EVENT_BYTES))
        });
        let events = stream::iter([PRIMING.to_owned()]).chain(late);
        let response = whole_if_large(response(events), STREAM_AFTER).await;
        assert_eq!(begun.elapsed(), STREAM_AFTER);
        let (kind, body) = read(response).await;
        assert_eq!((kind.as_str(), body.starts_with(PRIMING)), (EVENTS, true));
        assert!(body.len() > MAX_EVENT_BYTES);
    }

    #[tokio::test]
    async fn only_the_answer_is_left_for_a_client_that_reads_no_streams() {
        let small = answer(10);
        let events = [PRIMING.to_owned(), ":\n\n".to_owned(), PROGRESS.to_owned(), event(&small)];
        let whole = only_answer(response(stream::iter(events))).await.expect("an answer");
        assert!(!whole.headers().contains_key(UNBUFFERED));
        assert_eq!(read(whole).await, (JSON.to_owned(), small));
        assert!(only_answer(response(stream::iter([PRIMING.to_owned(), PROGRESS.to_owned()]))).await.is_none());
    }
}
