//! Tests of the headers of requests and of the forms of responses.

use futures::stream;
use serde_json::Value;

use super::*;
use crate::mcp::http::STREAM_AFTER;

const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
const PRIMING: &str = "retry: 3000\ndata:\n\n";
const COMMENT: &str = ":\n\n";

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let header =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    pairs.iter().map(header).collect()
}

fn post(pairs: &[(&'static str, &'static str)]) -> Exchange {
    let mut headers = headers(&[&[("content-type", "application/json")], pairs].concat());
    let exchange = Exchange::begin(&Method::POST, &mut headers, None).expect("it is answered");
    assert_eq!(headers[ACCEPT], "application/json, text/event-stream", "the library takes no less");
    exchange
}

fn stream_of(events: &[&'static str]) -> Response<Body> {
    let frames: Vec<_> = events.iter().map(|event| Ok(Frame::data(Bytes::from_static(event.as_bytes())))).collect();
    let response = Response::builder().header(CONTENT_TYPE, EVENTS);
    response.body(BodyExt::boxed(StreamBody::new(stream::iter(frames)))).expect("a response")
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::from(text).boxed());
    *response.status_mut() = status;
    response
}

async fn read(exchange: Exchange, response: Response<Body>) -> (StatusCode, String, String) {
    let response = exchange.end(response, STREAM_AFTER).await;
    let kind = response.headers().get(CONTENT_TYPE).map_or("", |kind| kind.to_str().expect("text")).to_owned();
    let status = response.status();
    let body = response.into_body().collect().await.expect("it is infallible").to_bytes();
    (status, kind, String::from_utf8(body.into()).expect("text"))
}

fn message_of(body: &str) -> String {
    let error: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(
        (&error["jsonrpc"], &error["id"], &error["error"]["code"]),
        (&json!("2.0"), &Value::Null, &json!(-32600))
    );
    error["error"]["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn an_answer_has_a_form_that_the_client_accepts() {
    let event: &'static str = Box::leak(format!("data: {ANSWER}\n\n").into_boxed_str());
    for (accept, kind) in [
        ("application/json, text/event-stream", EVENTS),
        ("text/event-stream", EVENTS),
        ("application/json", JSON),
        ("*/*", JSON),
        ("application/*, text/*", JSON),
        ("text/event-stream;q=0, */*", JSON),
        ("application/json;q=0, */*", EVENTS),
    ] {
        let (status, found, body) = read(post(&[("accept", accept)]), stream_of(&[PRIMING, event])).await;
        assert_eq!((status, found.as_str()), (StatusCode::OK, kind), "{accept}");
        assert_eq!(body, if kind == JSON { ANSWER } else { event }, "{accept}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_only_streams_gets_a_large_answer_as_one_too() {
    let large = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"{}\"}}\n\n", "x".repeat(1024 * 1024));
    let large: &'static str = Box::leak(large.into_boxed_str());
    for (accept, kind) in [("text/event-stream", EVENTS), ("application/json, text/event-stream", JSON)] {
        let (_, found, body) = read(post(&[("accept", accept)]), stream_of(&[large])).await;
        assert_eq!((found.as_str(), body.len() > 1024 * 1024), (kind, true), "{accept}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_for_a_client_that_reads_no_streams() {
    let (status, _, body) = read(post(&[("accept", "application/json")]), stream_of(&[PRIMING])).await;
    assert_eq!(
        (status, message_of(&body).as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off; try again")
    );
}

#[test]
fn headers_that_leave_no_form_are_refused_with_those_to_send() {
    let begin = |method: Method, pairs: &[(&'static str, &'static str)]| {
        let refused = Exchange::begin(&method, &mut headers(pairs), None).expect_err("it is refused");
        (refused.status.as_u16(), refused.message)
    };
    let json = ("content-type", "application/json");
    let (status, message) = begin(Method::POST, &[("accept", "text/html"), json]);
    assert_eq!(status, 406);
    assert!(message.contains("text/html") && message.contains("application/json, text/event-stream"), "{message}");
    assert_eq!(begin(Method::GET, &[("accept", "application/json")]).0, 406);
    let listening = [("accept", "application/json"), ("mcp-method", LISTEN), json];
    assert_eq!(begin(Method::POST, &listening).0, 406, "such an answer has no end");
    for (kind, part) in
        [(None, "no `Content-Type`"), (Some("text/plain"), "text/plain"), (Some("application/jsonl"), "jsonl")]
    {
        let (status, message) =
            begin(Method::POST, &kind.map(|kind| ("content-type", kind)).into_iter().collect::<Vec<_>>());
        assert!(
            status == 415 && message.contains(part) && message.contains("`Content-Type: application/json`"),
            "{message}"
        );
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json ;charset=UTF-8"] {
        assert!(Exchange::begin(&Method::POST, &mut headers(&[("content-type", kind)]), None).is_ok(), "{kind}");
    }
    for method in [Method::DELETE, Method::PUT] {
        assert!(Exchange::begin(&method, &mut headers(&[("accept", "text/html")]), None).is_ok(), "{method}");
    }
}

#[tokio::test]
async fn events_without_a_message_are_only_for_revisions_that_have_them() {
    let event: &'static str = Box::leak(format!("id: 1\ndata: {ANSWER}\n\n").into_boxed_str());
    for revision in Revision::ALL {
        for by_header in [true, false] {
            let pairs: &[_] = if by_header { &[("mcp-protocol-version", revision.as_str())] } else { &[] };
            let negotiated = (!by_header).then_some(revision);
            let mut headers = headers(pairs);
            let exchange = Exchange::begin(&Method::GET, &mut headers, negotiated).expect("it is answered");
            let (_, _, body) = read(exchange, stream_of(&[PRIMING, COMMENT, event, "id: 2\ndata: \n\n"])).await;
            let has = revision >= Revision::V2025_11_25;
            let all = format!("{PRIMING}{COMMENT}{event}id: 2\ndata: \n\n");
            assert_eq!(body, if has { all } else { format!("{COMMENT}{event}") }, "{revision:?}");
        }
    }
}

#[tokio::test]
async fn a_session_stays_in_its_revision_whatever_a_request_names() {
    let mut headers = headers(&[("mcp-protocol-version", "2025-03-26")]);
    let exchange = Exchange::begin(&Method::GET, &mut headers, Some(Revision::V2025_11_25)).expect("it is answered");
    assert_eq!(read(exchange, stream_of(&[PRIMING])).await.2, PRIMING);
}

#[tokio::test]
async fn refusals_of_the_library_are_json_rpc_errors_that_say_what_to_send() {
    let session = ("mcp-session-id", "s");
    for (pairs, response, status, part) in [
        (&[session][..], plain(StatusCode::NOT_FOUND, "Not Found: Session not found"), 404, "`initialize`"),
        (&[], plain(StatusCode::BAD_REQUEST, "Bad Request: Session ID is required"), 400, "`Mcp-Session-Id`"),
        (&[session, ("mcp-protocol-version", "2020-01-01")], plain(StatusCode::BAD_REQUEST, "x"), 400, "2024-11-05, "),
        (&[session], plain(StatusCode::BAD_REQUEST, "Bad Request: other"), 400, "other"),
        (&[session], plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "fail"), 400, "no batch"),
        (&[session], plain(StatusCode::PAYLOAD_TOO_LARGE, "more than 10"), 413, "more than 10"),
    ] {
        let (found, kind, body) = read(post(pairs), response).await;
        assert_eq!((found.as_u16(), kind.as_str()), (status, JSON));
        let message = message_of(&body);
        assert!(message.contains(part), "{message}");
    }
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
    let exchange = Exchange::begin(&Method::PUT, &mut HeaderMap::new(), None).expect("it is answered");
    assert!(message_of(&read(exchange, response).await.2).contains("send GET, POST, DELETE"));
}

#[tokio::test]
async fn an_end_is_confirmed_without_content() {
    for (method, before, after) in [
        (Method::DELETE, StatusCode::ACCEPTED, StatusCode::NO_CONTENT),
        (Method::POST, StatusCode::ACCEPTED, StatusCode::ACCEPTED),
    ] {
        let mut headers = headers(&[("content-type", "application/json")]);
        let exchange = Exchange::begin(&method, &mut headers, None).expect("it is answered");
        assert_eq!(read(exchange, plain(before, "")).await.0, after, "{method}");
    }
}
