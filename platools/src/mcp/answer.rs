//! The form of HTTP answers: what goes out as one JSON body, and the status of an end.

use std::convert::Infallible;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::sleep;

/// How long an answer may keep a client waiting for its head, unless a setting says otherwise: 10 seconds. Proxies wait longer, and
/// clients that lose the connection before have no event to resume the answer after.
pub const STREAM_AFTER: Duration = Duration::from_secs(10);

/// An answer with more bytes is no event. Clients read events up to 1 MiB by default (the official one for Python does), and an
/// answer is larger as an event than its content by what JSON escapes.
const MAX_EVENT_BYTES: usize = 512 * 1024;

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Tells proxies not to keep a stream back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

type Body = BoxBody<Bytes, Infallible>;

/// Turns a stream of events into one JSON body if its first message is a large answer.
///
/// The client accepts both forms: rmcp answers no other. The head of the response waits for the first message, for `stream_after` at
/// most; from then on the response is a stream, whatever comes over it.
pub async fn whole_if_large(response: Response<Body>, stream_after: Duration) -> Response<Body> {
    let is_stream =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(EVENTS.as_bytes()));
    if !is_stream {
        return response;
    }
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
fn message(event: &Bytes) -> Option<Bytes> {
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

/// Answers the end of a session with 204. The library answers 202, which some clients take for a failure.
pub fn confirm_end<B>(method: &Method, response: &mut Response<B>) {
    if *method == Method::DELETE && response.status() == StatusCode::ACCEPTED {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
}

#[cfg(test)]
mod tests {
    use futures::Stream;
    use hyper::body::Frame;
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

    #[test]
    fn an_end_is_confirmed_without_content() {
        for (method, before, after) in [
            (Method::DELETE, StatusCode::ACCEPTED, StatusCode::NO_CONTENT),
            (Method::DELETE, StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
            (Method::POST, StatusCode::ACCEPTED, StatusCode::ACCEPTED),
        ] {
            let mut response = Response::new(());
            *response.status_mut() = before;
            confirm_end(&method, &mut response);
            assert_eq!(response.status(), after, "{method}");
        }
    }
}
