//! [`TraceContext`]: the W3C trace context of a call, <https://www.w3.org/TR/trace-context/>.
//!
//! A call continues the trace of its caller, or begins a new trace, and passes it on to the worker.

use super::random;

/// The bit of the flags that says that the trace is recorded.
const SAMPLED: u8 = 0x01;

/// The number of hexadecimal digits that fit into an `f64` without rounding.
const EXACT_DIGITS: usize = 13;

/// A `traceparent` of this gateway's own span, in the caller's trace where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    parent_id: Option<String>,
    span_id: String,
    flags: u8,
}

impl TraceContext {
    /// Continues the trace of a `traceparent` header. A malformed header is ignored, as the standard says.
    #[must_use]
    pub fn from_parent(traceparent: Option<&str>) -> Self {
        let (trace_id, parent_id, flags) = match traceparent.and_then(parse) {
            Some((trace_id, parent_id, flags)) => (trace_id, Some(parent_id), flags),
            None => (random::hex_of::<16>(), None, 0),
        };
        Self { trace_id, parent_id, span_id: random::hex_of::<8>(), flags }
    }

    /// Decides whether a trace that begins here is recorded; `ratio` of them are, from none at 0 to all at 1. Of a trace that
    /// began elsewhere its caller has decided.
    #[must_use]
    pub(crate) fn sampled(mut self, ratio: f64) -> Self {
        if self.parent_id.is_none() && self.share() < ratio {
            self.flags |= SAMPLED;
        }
        self
    }

    /// A number from 0 to below 1 that belongs to the trace, so that all its spans are treated alike.
    fn share(&self) -> f64 {
        let digits = &self.trace_id[self.trace_id.len() - EXACT_DIGITS..];
        let number = u64::from_str_radix(digits, 16).expect("a trace's id is hexadecimal");
        number as f64 / (1_u64 << (4 * EXACT_DIGITS)) as f64
    }

    /// The trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The caller's span, if the trace came with one: 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        self.parent_id.as_deref()
    }

    /// This gateway's span: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        &self.span_id
    }

    /// The flags of the `traceparent`.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// True if the trace is recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The `traceparent` for the next call.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// The trace that a `traceparent` of this gateway names.
pub(crate) fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

/// The trace's id, the parent's id and the flags.
fn parse(traceparent: &str) -> Option<(String, String, u8)> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace_id, parent_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Later versions may append parts; this one has none.
    let complete = version != "00" || parts.next().is_none();
    let is_id = |id: &str, digits| is_hex(id, digits) && id.bytes().any(|digit| digit != b'0');
    let fits = is_hex(version, 2) && version != "ff" && is_id(trace_id, 32) && is_id(parent_id, 16) && is_hex(flags, 2);
    if !(fits && complete) {
        return None;
    }
    Some((trace_id.to_owned(), parent_id.to_owned(), u8::from_str_radix(flags, 16).ok()?))
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
        assert_eq!(context.parent_id(), Some("00f067aa0ba902b7"));
        assert!(context.traceparent().contains(context.span_id()));
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

    #[test]
    fn a_caller_decides_for_its_own_trace() {
        for (flags, ratio, is_sampled) in [("00", 1.0, false), ("01", 0.0, true), ("03", 0.0, true), ("02", 1.0, false)]
        {
            let parent = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
            let context = TraceContext::from_parent(Some(&parent)).sampled(ratio);
            assert_eq!(context.is_sampled(), is_sampled, "{parent}");
            assert!(context.traceparent().ends_with(flags), "{parent}");
        }
    }

    #[test]
    fn a_trace_that_begins_here_is_sampled_by_its_id() {
        let begins_with = |trace_id: String| TraceContext { trace_id, ..TraceContext::from_parent(None) };
        let (least, middle, most) = ("0".repeat(31) + "1", format!("{:0<32}", "0".repeat(19) + "8"), "f".repeat(32));
        for (trace_id, ratio, is_sampled) in [
            (&least, 0.0, false),
            (&least, 0.001, true),
            (&middle, 0.5, false),
            (&middle, 0.501, true),
            (&most, 0.999, false),
            (&most, 1.0, true),
        ] {
            let context = begins_with(trace_id.clone()).sampled(ratio);
            assert_eq!(context.is_sampled(), is_sampled, "{trace_id} {ratio}");
            assert!(context.traceparent().ends_with(if is_sampled { "-01" } else { "-00" }), "{trace_id} {ratio}");
        }
    }
}
