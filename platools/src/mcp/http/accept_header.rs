//! [`AcceptedForms`]: reads from the `Accept` headers of a request whether its answer may be a JSON body or a stream of events.

use hyper::header::{ACCEPT, HeaderMap};

/// The weight of a media type that nothing is said of, in thousandths.
const FULL: u16 = 1000;

/// The weights of the two forms, in thousandths. One of zero is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AcceptedForms {
    pub(super) json: u16,
    pub(super) events: u16,
    /// True if `text/event-stream` is named, and not only covered by a range such as `*/*`.
    pub(super) names_events: bool,
}

/// A range of media types, by how much of a name it fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Anything,
    MainType,
    Exact,
}

impl AcceptedForms {
    /// Reads the headers as RFC 9110 has it: the most precise range decides, without a header everything is accepted.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<_> = values.flat_map(|value| split(value, ',')).filter_map(read).collect();
        let weight = |main, sub| {
            let covering = ranges.iter().filter_map(|range| Some((range.covers(main, sub)?, range.weight)));
            covering.max()
        };
        let (json, events) = (weight("application", "json"), weight("text", "event-stream"));
        let names_events = events.is_some_and(|(precision, _)| precision == Precision::Exact);
        let otherwise = if ranges.is_empty() { FULL } else { 0 };
        let weight = |found: Option<(Precision, u16)>| found.map_or(otherwise, |(_, weight)| weight);
        Self { json: weight(json), events: weight(events), names_events }
    }

    /// True if a JSON body is a better answer than a stream: the client prefers it, or does not say that it reads streams.
    pub(super) fn prefers_json(self) -> bool {
        self.json > 0 && (self.json > self.events || !self.names_events)
    }
}

struct Range<'a> {
    main: &'a str,
    sub: &'a str,
    weight: u16,
}

impl Range<'_> {
    fn covers(&self, main: &str, sub: &str) -> Option<Precision> {
        let is_main = self.main.eq_ignore_ascii_case(main);
        match (self.main, self.sub) {
            ("*", "*") => Some(Precision::Anything),
            (_, "*") if is_main => Some(Precision::MainType),
            (_, other) if is_main && other.eq_ignore_ascii_case(sub) => Some(Precision::Exact),
            _ => None,
        }
    }
}

fn read(range: &str) -> Option<Range<'_>> {
    let mut parts = split(range, ';');
    let (main, sub) = parts.next()?.trim().split_once('/')?;
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| weight(value.trim()))
    });
    Some(Range { main: main.trim(), sub: sub.trim(), weight: weight.unwrap_or(FULL) })
}

/// A weight such as `0.5` in thousandths. One that cannot be read counts as none, so that its sender is served.
fn weight(text: &str) -> u16 {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    match whole {
        "0" if is_fraction => format!("{digits:0<3}").parse().unwrap_or(FULL),
        _ => FULL,
    }
}

/// Splits at a delimiter outside of quoted texts.
fn split(text: &str, delimiter: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            _ if was_escaped => {}
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            other => return !is_quoted && other == delimiter,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(headers: &[&'static str]) -> AcceptedForms {
        AcceptedForms::of(&headers.iter().map(|value| (ACCEPT, value.parse().expect("a header"))).collect())
    }

    #[test]
    fn the_most_precise_range_decides_whatever_its_place_and_case() {
        for (headers, json, events) in [
            (&[][..], 1000, 1000),
            (&[""], 1000, 1000),
            (&["*/*"], 1000, 1000),
            (&["application/json"], 1000, 0),
            (&["text/event-stream"], 0, 1000),
            (&["application/*, text/*"], 1000, 1000),
            (&["Application/JSON, TEXT/Event-Stream"], 1000, 1000),
            (&["application/json", "text/event-stream"], 1000, 1000),
            (&["application/json;q=0, */*"], 0, 1000),
            (&["*/*;q=0.1, text/event-stream; q=0"], 100, 0),
            (&["application/json; Q=0.25,text/*;q=0.5"], 250, 500),
            (&["application/json;profile=\"a,b;q=0\";q=0.125, text/html"], 125, 0),
            (&["application/json; charset=utf-8"], 1000, 0),
            (&["application/json;q=high, text/event-stream;q=1.000"], 1000, 1000),
            (&["application/json;q=0.000"], 0, 0),
            (&["text/html"], 0, 0),
            (&["json"], 1000, 1000),
        ] {
            let accepted = accepted(headers);
            assert_eq!((accepted.json, accepted.events), (json, events), "{headers:?}");
        }
    }

    #[test]
    fn a_stream_is_for_clients_that_name_it_and_do_not_prefer_json() {
        for (headers, prefers_json) in [
            (&["application/json, text/event-stream"][..], false),
            (&["*/*"], true),
            (&[], true),
            (&["application/json, text/plain, */*"], true),
            (&["application/json, text/event-stream;q=0.5"], true),
            (&["application/json;q=0.5, text/event-stream"], false),
            (&["text/event-stream, */*"], false),
            (&["text/*"], false),
        ] {
            assert_eq!(accepted(headers).prefers_json(), prefers_json, "{headers:?}");
        }
    }
}
