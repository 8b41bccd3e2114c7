//! Tests of the spans that a collector receives.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::json;

use crate::collector::{Collector, Setup, spans, text};
use crate::support::ended;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// The trace and the span that a `traceparent` names.
fn named(span: &Span) -> String {
    format!("00-{}-{}-01", hex::encode(&span.trace_id), hex::encode(&span.span_id))
}

#[tokio::test]
async fn a_call_is_a_span_between_the_callers_and_the_workers() {
    let mut collector = Collector::start().await;
    let mut setup = Setup::start(&collector.url, &[], &[("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hush-header")]).await;
    let (at_worker, answer) = setup.call(Some(SAMPLED)).await;
    let request = collector.next().await;
    assert_eq!(request.headers["content-type"], "application/x-protobuf");
    assert_eq!(request.headers["api-key"], "hush-header");
    let seen = String::from_utf8_lossy(&request.body).into_owned();
    assert!(seen.contains("look_up") && !seen.contains("hush"), "{seen}");

    let request = request.read();
    let resource = request.resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(text(&resource, "service.name"), Some("platools-gateway"));
    assert_eq!(text(&resource, "service.version"), Some(env!("CARGO_PKG_VERSION")));
    let [span] = &spans(request)[..] else { panic!("one span was expected") };
    assert_eq!(hex::encode(&span.trace_id), TRACE);
    assert_eq!(hex::encode(&span.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(named(span), at_worker);
    assert_eq!((span.kind(), span.name.as_str()), (SpanKind::Server, "execute_tool look_up"));
    assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.start_time_unix_nano > 0);
    assert_eq!(span.status.as_ref().map_or(StatusCode::Unset, |status| status.code()), StatusCode::Unset);
    for (key, value) in [
        ("gen_ai.operation.name", Some("execute_tool")),
        ("gen_ai.tool.name", Some("look_up")),
        ("gen_ai.tool.call.id", answer.body["callId"].as_str()),
        ("platools.entity", Some("orders")),
        ("platools.environment", Some("development")),
        ("platools.outcome", Some("ok")),
        ("error.type", None),
    ] {
        assert_eq!(text(&span.attributes, key), value, "{key}");
    }
}

#[tokio::test]
async fn a_call_that_failed_is_an_error() {
    let mut collector = Collector::start().await;
    let mut setup = Setup::start(&collector.url, &[], &[]).await;
    let call = setup.caller.calling("look_up", json!({}));
    let sent = setup.worker.expect("tool_call").await;
    setup.worker.send(json!({"type": "tool_error", "call_id": sent["call_id"], "error": "hush"})).await;
    ended(call).await.is_problem(422, "tool_failed", false);
    let request = collector.next().await;
    assert!(!String::from_utf8_lossy(&request.body).contains("hush"));
    let [span] = &spans(request.read())[..] else { panic!("one span was expected") };
    assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(text(&span.attributes, "error.type"), Some("tool_failed"));
    assert_eq!(text(&span.attributes, "platools.outcome"), Some("tool_failed"));
}

#[tokio::test]
async fn a_refused_call_is_a_span_too() {
    let mut collector = Collector::start().await;
    let setup = Setup::start(&collector.url, &[], &[]).await;
    setup.worker.leave().await;
    setup.caller.call("look_up", json!({})).await.is_problem(503, "worker_offline", true);
    let [span] = &spans(collector.next().await.read())[..] else { panic!("one span was expected") };
    assert_eq!(text(&span.attributes, "error.type"), Some("worker_offline"));
}

#[tokio::test]
async fn a_call_whose_caller_went_away_is_no_error() {
    let mut collector = Collector::start().await;
    let mut setup = Setup::start(&collector.url, &[], &[]).await;
    let call = setup.caller.calling("look_up", json!({}));
    setup.worker.expect("tool_call").await;
    call.abort();
    let [span] = &spans(collector.next().await.read())[..] else { panic!("one span was expected") };
    assert_eq!(text(&span.attributes, "platools.outcome"), Some("abandoned"));
    assert_eq!(text(&span.attributes, "error.type"), None);
    assert_eq!(span.status.as_ref().map_or(StatusCode::Unset, |status| status.code()), StatusCode::Unset);
}

#[tokio::test]
async fn a_caller_that_does_not_record_its_trace_has_no_span() {
    let collector = Collector::start().await;
    let mut setup = Setup::start(&collector.url, &[], &[]).await;
    let (unsampled, _) = setup.call(Some(UNSAMPLED)).await;
    let (sampled, _) = setup.call(Some(SAMPLED)).await;
    assert!(unsampled.starts_with(&format!("00-{TRACE}-")) && unsampled.ends_with("-00"), "{unsampled}");
    setup.stop().await;
    let spans = collector.spans();
    assert_eq!(spans.iter().map(named).collect::<Vec<_>>(), [sampled]);
}

#[tokio::test]
async fn a_trace_that_begins_here_is_recorded_unless_told_otherwise() {
    for (arguments, flags, expected) in [(&[][..], "-01", 1), (&["--otlp-sample-ratio", "0"], "-00", 0)] {
        let collector = Collector::start().await;
        let mut setup = Setup::start(&collector.url, arguments, &[]).await;
        let (at_worker, _) = setup.call(None).await;
        assert!(at_worker.ends_with(flags), "{at_worker}");
        setup.stop().await;
        let spans = collector.spans();
        assert_eq!(spans.len(), expected);
        assert!(spans.iter().all(|span| named(span) == at_worker && span.parent_span_id.is_empty()));
    }
}
