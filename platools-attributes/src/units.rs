//! [`time`] reads a time with a unit, such as `20s`. [`rate`] reads a number of calls per time, such as `10/s`.

use std::time::Duration;

/// Reads a time: a whole number of `ms`, `s`, `m` or `h`.
///
/// # Errors
/// The text is no time, or a time of zero.
pub fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor)) {
        Some(0) => Err("a timeout of zero would end every call before it starts".to_owned()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err(format!(
            "`{text}` is no span of time; write a whole number and a unit: \"500ms\", \"20s\", \"2m\", \"1h\""
        )),
    }
}

/// Reads a rate: a whole number of calls per `s`, `m` or `h`. Returns the number and the time in which so many calls may start.
///
/// # Errors
/// The text is no rate, or a rate of zero.
pub fn rate(text: &str) -> Result<(u32, Duration), String> {
    let parsed = text.split_once('/').and_then(|(calls, unit)| {
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        Some((calls.trim().parse().ok()?, Duration::from_secs(seconds)))
    });
    match parsed {
        Some((0, _)) => Err("a rate of zero would refuse every call".to_owned()),
        Some(rate) => Ok(rate),
        None => Err(format!(
            "`{text}` is no rate; write a number of calls per second, minute or hour: \"10/s\", \"100/m\", \"5/h\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_need_a_unit() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time("1 h"), Ok(Duration::from_secs(3_600)));
        for bad in ["", "20", "s", "-1s", "1.5s", "1d", "0s", "99999999999999999999s", "9999999999999999999h", "5é"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_calls_in_a_unit() {
        assert_eq!(rate("10/s"), Ok((10, Duration::from_secs(1))));
        assert_eq!(rate("5 / h"), Ok((5, Duration::from_secs(3_600))));
        for bad in ["", "10", "/s", "10/d", "0/s", "-1/s", "1.5/s"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
