//! [`with_whole_numbers`]: rewrites `30.0` and `3e1` in a JSON text as `30`.

/// The text of JSON with `30.0` and `3e1` as `30`; `None` if there is no such number.
///
/// To JSON Schema all of them are integers, and models write each of them. Integer types of Rust are read from the last only.
pub(super) fn with_whole_numbers(json: &str) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    let mut position = 0;
    let bytes = json.as_bytes();
    while let Some(byte) = bytes.get(position) {
        let start = position;
        match byte {
            b'"' => position = end_of_string(bytes, position),
            b'-' | b'0'..=b'9' => {
                position = end_of_number(bytes, position);
                if let Some(whole) = whole(&json[start..position]) {
                    out.push_str(&json[copied..start]);
                    out.push_str(&whole);
                    copied = position;
                }
            }
            _ => position += 1,
        }
    }
    (copied > 0).then(|| out + &json[copied..])
}

/// The position behind a string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut position = start + 1;
    while let Some(byte) = bytes.get(position) {
        position += 1;
        match byte {
            b'\\' => position += 1,
            b'"' => break,
            _ => {}
        }
    }
    position.min(bytes.len())
}

fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    start + bytes[start..].iter().take_while(|byte| is_part(byte)).count()
}

/// The digits of a number that has a point, an exponent or the sign of zero, and no fraction.
fn whole(number: &str) -> Option<String> {
    /// The digits of the widest integer type.
    const MAX_DIGITS: usize = 39;
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    if digits != "0" && !digits.contains(['.', 'e', 'E']) {
        return None;
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let after = after.trim_end_matches('0');
    let all = format!("{before}{after}");
    let all = all.trim_start_matches('0');
    if all.is_empty() {
        return (number != "0").then(|| "0".to_owned());
    }
    let exponent: i32 = exponent.parse().ok()?;
    // Negative where digits of the number are behind its point.
    let zeros = exponent.checked_sub(i32::try_from(after.len()).ok()?)?;
    let kept = match usize::try_from(zeros) {
        Ok(zeros) if all.len() + zeros <= MAX_DIGITS => format!("{all}{}", "0".repeat(zeros)),
        Ok(_) => return None,
        Err(_) => {
            let cut = usize::try_from(zeros.unsigned_abs()).ok()?;
            let (kept, fraction) = all.split_at_checked(all.len().checked_sub(cut)?)?;
            (!kept.is_empty() && fraction.bytes().all(|digit| digit == b'0')).then(|| kept.to_owned())?
        }
    };
    Some(format!("{sign}{kept}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_lose_point_and_exponent_and_everything_else_stays() {
        let text = r#"{"a": 30.0, "b":[1e2,-0.0, 2.5,7,-0,0], "30.0": "1e2 \" 3.0", "c":1e300}"#;
        let whole = r#"{"a": 30, "b":[100,0, 2.5,7,0,0], "30.0": "1e2 \" 3.0", "c":1e300}"#;
        assert_eq!(with_whole_numbers(text).as_deref(), Some(whole));
        for (number, expected) in [
            ("1e18", "1000000000000000000"),
            ("18446744073709551615.0", "18446744073709551615"),
            ("-12.50e1", "-125"),
            ("1200e-2", "12"),
            ("0.0010e3", "1"),
            ("1E+2", "100"),
        ] {
            assert_eq!(with_whole_numbers(number).as_deref(), Some(expected), "{number}");
        }
        for fraction in ["1.25e1", "12e-2", "1e39", "0.5", "1e-400", "5e99999999999", "100e-3"] {
            assert_eq!(with_whole_numbers(fraction), None, "{fraction}");
        }
        for same in ["", "{}", r#"{"a":1.5,"b":12}"#, r#""3.0"#, r#""\"#, "-"] {
            assert_eq!(with_whole_numbers(same), None, "{same}");
        }
    }
}
