//! W3C trace context: which trace a call belongs to.
//!
//! <https://www.w3.org/TR/trace-context/>. A caller's trace goes on through the gateway to the worker; a call without one begins
//! one.

use super::random;

/// A `traceparent` of this gateway's own span, in the caller's trace where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    span_id: String,
    flags: String,
}

impl TraceContext {
    /// Goes on with the trace of a `traceparent` header; one that is malformed counts for nothing, as the standard says.
    #[must_use]
    pub fn from_parent(traceparent: Option<&str>) -> Self {
        let (trace_id, flags) =
            traceparent.and_then(parse).unwrap_or_else(|| (random::hex_of::<16>(), "00".to_owned()));
        Self { trace_id, span_id: random::hex_of::<8>(), flags }
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The `traceparent` for whoever is called next.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.trace_id, self.span_id, self.flags)
    }
}

/// The trace's id and its flags.
fn parse(traceparent: &str) -> Option<(String, String)> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace_id, parent_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Later versions may append parts; this one has none.
    let complete = version != "00" || parts.next().is_none();
    let is_id = |id: &str, digits| is_hex(id, digits) && id.bytes().any(|digit| digit != b'0');
    let fits = is_hex(version, 2) && version != "ff" && is_id(trace_id, 32) && is_id(parent_id, 16) && is_hex(flags, 2);
    (fits && complete).then(|| (trace_id.to_owned(), flags.to_owned()))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let context = TraceContext::from_parent(Some(&parent));
        assert_eq!(context.trace_id(), TRACE);
        assert!(parse(&context.traceparent()).is_some() && context.traceparent().ends_with("-01"));
        assert!(!context.traceparent().contains("00f067aa0ba902b7"));
    }

    #[test]
    fn what_is_no_traceparent_begins_a_trace() {
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let upper = format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase());
        let longer = format!("00-{TRACE}-00f067aa0ba902b7-01-more");
        let invalid = format!("ff-{TRACE}-00f067aa0ba902b7-01");
        for parent in ["", "00", &zeros, &upper, &longer, &invalid, "00-é-é-01"] {
            let context = TraceContext::from_parent(Some(parent));
            assert_ne!(context.trace_id(), TRACE, "{parent}");
            assert!(parse(&context.traceparent()).is_some(), "{parent}");
        }
    }
}
