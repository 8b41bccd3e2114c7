//! Numbers with units: `"20s"`, `"10/s"`.

use syn::LitStr;

/// A span of time in milliseconds.
pub(crate) fn milliseconds(text: &LitStr) -> syn::Result<u64> {
    let written = text.value();
    let split = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
    let (number, unit) = written.split_at(split);
    let factor = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor)) {
        Some(0) => Err(syn::Error::new(text.span(), "a timeout of zero would end every call before it starts")),
        Some(milliseconds) => Ok(milliseconds),
        None => Err(syn::Error::new(
            text.span(),
            format!(
                "`{written}` is no span of time; write a whole number and a unit: \"500ms\", \"20s\", \"2m\", \"1h\""
            ),
        )),
    }
}

/// A number of calls and the seconds they may start in.
pub(crate) fn rate(text: &LitStr) -> syn::Result<(u32, u64)> {
    let written = text.value();
    let parsed = written.split_once('/').and_then(|(calls, unit)| {
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        Some((calls.trim().parse().ok()?, seconds))
    });
    match parsed {
        Some((0, _)) => Err(syn::Error::new(text.span(), "a rate of zero would refuse every call")),
        Some(rate) => Ok(rate),
        None => Err(syn::Error::new(
            text.span(),
            format!(
                "`{written}` is no rate; write a number of calls per second, minute or hour: \"10/s\", \"100/m\", \"5/h\""
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn text(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    #[test]
    fn spans_of_time_need_a_unit() {
        assert_eq!(milliseconds(&text("500ms")).expect("milliseconds"), 500);
        assert_eq!(milliseconds(&text("2m")).expect("minutes"), 120_000);
        assert_eq!(milliseconds(&text("1 h")).expect("hours"), 3_600_000);
        for bad in ["", "20", "s", "-1s", "1.5s", "1d", "0s", "99999999999999999999s", "9999999999999999999h"] {
            assert!(milliseconds(&text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_calls_in_a_unit() {
        assert_eq!(rate(&text("10/s")).expect("a second"), (10, 1));
        assert_eq!(rate(&text("5 / h")).expect("an hour"), (5, 3_600));
        for bad in ["", "10", "/s", "10/d", "0/s", "-1/s", "1.5/s"] {
            assert!(rate(&text(bad)).is_err(), "{bad}");
        }
    }
}
