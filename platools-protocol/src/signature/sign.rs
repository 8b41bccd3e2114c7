//! [`sign_call`]: signs a call with the secret of its worker, for a platform. [`call_body`] is the text that is signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The signature of a text, in hexadecimal.
///
/// ```
/// let signature = platools_protocol::signature::sign("secret", "2026-09-15T00:00:00.000Z", Some("0f0f"), "{}");
/// assert_eq!(signature.len(), 64);
/// ```
#[must_use]
pub fn sign(secret: &str, timestamp: &str, nonce: Option<&str>, body: &str) -> String {
    hex::encode(mac(secret, timestamp, nonce, body).finalize().into_bytes())
}

/// The signature of a call, in hexadecimal, whose arguments are a text in parts: the same as [`sign`] of its [`call_body`], without a copy
/// of the arguments.
///
/// ```
/// use platools_protocol::signature::{call_body, sign, sign_call};
///
/// let timestamp = "2026-09-15T00:00:00.000Z";
/// let signature = sign_call("secret", timestamp, Some("0f0f"), "add", [r#"{"a":"#, "2}"]);
/// assert_eq!(signature, sign("secret", timestamp, Some("0f0f"), &call_body("add", r#"{"a":2}"#)));
/// ```
#[must_use]
pub fn sign_call<'a>(
    secret: &str,
    timestamp: &str,
    nonce: Option<&str>,
    tool_name: &str,
    arguments: impl IntoIterator<Item = &'a str>,
) -> String {
    let head = call_head(tool_name);
    let mut mac = mac(secret, timestamp, nonce, &head);
    arguments.into_iter().for_each(|part| mac.update(part.as_bytes()));
    mac.update(CALL_END.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// The text that is signed for a call: `arguments` is the JSON object of the params without the platform's own envelope.
#[must_use]
pub fn call_body(tool_name: &str, arguments: &str) -> String {
    [&call_head(tool_name), arguments, CALL_END].concat()
}

/// The signed text of a call up to its arguments.
fn call_head(tool_name: &str) -> String {
    let name = serde_json::Value::from(tool_name);
    format!(r#"{{"method":"tools/call","params":{{"name":{name},"arguments":"#)
}

/// The signed text of a call behind its arguments.
const CALL_END: &str = "}}";

/// The authentication code of a text with its timestamp and nonce, before its end.
pub(super) fn mac(secret: &str, timestamp: &str, nonce: Option<&str>, body: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is accepted");
    for part in [Some(timestamp), nonce].into_iter().flatten() {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(body.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_tool_is_escaped_in_the_body() {
        assert_eq!(call_body("a\"b", "{}"), r#"{"method":"tools/call","params":{"name":"a\"b","arguments":{}}}"#);
    }
}
