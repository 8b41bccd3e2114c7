//! [`span`]: makes the span of a call that ended, with the attribute names of OpenTelemetry.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use platools_gateway::ports::call_observer::EndedCall;

/// The span that the worker was told to be below. Names that begin with `gen_ai` or `error` are the semantic conventions'
/// (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/#execute-tool-span>).
pub(super) fn span(call: &EndedCall<'_>, scope: &InstrumentationScope) -> SpanData {
    let parent_id = call.trace.parent_id().map(span_id);
    SpanData {
        span_context: context(call),
        parent_span_id: parent_id.unwrap_or(SpanId::INVALID),
        parent_span_is_remote: parent_id.is_some(),
        span_kind: SpanKind::Server,
        name: Cow::Owned(format!("execute_tool {}", call.tool)),
        start_time: call.began,
        end_time: call.began + call.took,
        attributes: attributes(call),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if error(call).is_some() { Status::error("") } else { Status::Unset },
        instrumentation_scope: scope.clone(),
    }
}

fn context(call: &EndedCall<'_>) -> SpanContext {
    let trace_id = TraceId::from_hex(call.trace.trace_id()).expect("a trace's id is hexadecimal");
    let flags = TraceFlags::new(call.trace.flags());
    SpanContext::new(trace_id, span_id(call.trace.span_id()), flags, false, TraceState::NONE)
}

fn span_id(id: &str) -> SpanId {
    SpanId::from_hex(id).expect("a span's id is hexadecimal")
}

fn attributes(call: &EndedCall<'_>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("gen_ai.operation.name", "execute_tool"),
        KeyValue::new("gen_ai.tool.name", call.tool.to_owned()),
        KeyValue::new("gen_ai.tool.call.id", call.call_id.to_string()),
        KeyValue::new("platools.entity", call.identity.entity.clone()),
        KeyValue::new("platools.environment", call.identity.environment.clone()),
        KeyValue::new("platools.outcome", call.outcome),
    ];
    attributes.extend(error(call).map(|code| KeyValue::new("error.type", code)));
    attributes
}

/// The code of a failed call. A call whose caller went away did not fail.
fn error(call: &EndedCall<'_>) -> Option<&'static str> {
    (!matches!(call.outcome, "ok" | "abandoned")).then_some(call.outcome)
}

/// Any span, for tests.
#[cfg(test)]
pub(super) fn sample() -> SpanData {
    SpanData {
        span_context: SpanContext::NONE,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: Cow::Borrowed("sample"),
        start_time: std::time::UNIX_EPOCH,
        end_time: std::time::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}
