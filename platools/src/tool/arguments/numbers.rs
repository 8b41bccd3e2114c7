//! [`with_whole_numbers`]: whole numbers written as whole numbers.

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

/// The digits of a number that has a point or an exponent and no fraction.
fn whole(number: &str) -> Option<String> {
    /// Up to here every whole number has a float of its own.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    if !number.contains(['.', 'e', 'E']) {
        return None;
    }
    let value: f64 = number.parse().ok()?;
    (value.fract() == 0.0 && value.abs() <= MAX_EXACT).then(|| format!("{:.0}", value + 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_lose_point_and_exponent_and_everything_else_stays() {
        let text = r#"{"a": 30.0, "b":[1e2,-0.0, 2.5,7], "30.0": "1e2 \" 3.0", "c":1e300}"#;
        let whole = r#"{"a": 30, "b":[100,0, 2.5,7], "30.0": "1e2 \" 3.0", "c":1e300}"#;
        assert_eq!(with_whole_numbers(text).as_deref(), Some(whole));
        for same in ["", "{}", r#"{"a":1.5,"b":12}"#, r#""3.0"#, r#""\"#, "-"] {
            assert_eq!(with_whole_numbers(same), None, "{same}");
        }
    }
}
