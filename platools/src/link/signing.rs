//! Checking a call's signature over the very bytes its params came in.

use std::fmt;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::signature::{SignatureError, Signed, Verifier, call_body};

/// The key of the platform's envelope, which is the last one of the params and not signed itself.
const ENVELOPE: &str = "__platos";

/// A worker is one entity. The one that the envelope names is not signed, so it must not decide which nonces are known.
const OWN_ENTITY: &str = "";

/// Checks that a call was signed with the worker's secret, recently, and not seen before.
pub(super) fn verify(
    verifier: &mut Verifier,
    secret: &str,
    tool_name: &str,
    params: &str,
    now: SystemTime,
) -> Result<(), SignatureError> {
    let (arguments, envelope) = split(params).ok_or(SignatureError::Missing)?;
    let envelope: Envelope = serde_json::from_str(envelope).map_err(|_| SignatureError::Missing)?;
    let body = call_body(tool_name, &arguments);
    let signed = Signed::new(&envelope.timestamp, envelope.nonce.as_deref(), &body, &envelope.signature);
    verifier.verify(OWN_ENTITY, secret, signed, now)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    timestamp: String,
    nonce: Option<String>,
    signature: String,
}

/// The params without the envelope, and the envelope; `None` where it is not the last key.
fn split(params: &str) -> Option<(String, &str)> {
    let last: LastEntry<'_> = serde_json::from_str(params).ok()?;
    let envelope = last.0.filter(|(key, _)| key == ENVELOPE)?.1.get();
    let start = envelope.as_ptr() as usize - params.as_ptr() as usize;
    let before = params.get(..start)?.trim_end().strip_suffix(':')?.trim_end();
    let before = before.strip_suffix("\"__platos\"")?.trim_end();
    let signed = before.strip_suffix(',').unwrap_or(before);
    Some((format!("{signed}}}"), envelope))
}

/// The last entry of an object.
struct LastEntry<'a>(Option<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for LastEntry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LastVisitor;

        impl<'de> Visitor<'de> for LastVisitor {
            type Value = LastEntry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut last = None;
                while let Some(entry) = map.next_entry()? {
                    last = Some(entry);
                }
                Ok(LastEntry(last))
            }
        }

        deserializer.deserialize_map(LastVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signature::sign;

    const SECRET: &str = "platos_agent_6f1d0c2b9a4e47d3";
    const TIMESTAMP: &str = "2026-09-15T00:00:00.000Z";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_789_430_400)
    }

    fn check(params: &str) -> Result<(), SignatureError> {
        verify(&mut Verifier::new(), SECRET, "t", params, now())
    }

    #[test]
    fn the_arguments_are_verified_byte_for_byte() {
        let odd = r#"{"x":"\"__platos\":","_context":{"user.id":"u"}}"#;
        for arguments in [r#"{"b":1,"a":"\u00e9 – 東京"}"#, "{}", odd] {
            let params = signed(arguments);
            assert_eq!(check(&params), Ok(()), "{params}");
        }
        let params = signed(r#"{"a":1}"#);
        assert_eq!(check(&params.replace(r#""a":1"#, r#""a": 1"#)), Err(SignatureError::SignatureMismatch));
    }

    fn signed(arguments: &str) -> String {
        let signature = sign(SECRET, TIMESTAMP, Some("n"), &call_body("t", arguments));
        let envelope = json!({"entityId": "e", "timestamp": TIMESTAMP, "nonce": "n", "signature": signature});
        let open = arguments.strip_suffix('}').expect("an object");
        format!("{open}{}\"__platos\":{envelope}}}", if open == "{" { "" } else { "," })
    }

    #[test]
    fn a_call_without_an_envelope_at_its_end_is_unsigned() {
        for params in ["{}", r#"{"a":1}"#, r#"{"__platos":{},"a":1}"#, r#"{"__platos":{}}"#, r#"{"__platos":null}"#] {
            assert_eq!(check(params), Err(SignatureError::Missing), "{params}");
        }
    }

    #[test]
    fn a_second_use_of_a_call_is_a_replay() {
        let (mut verifier, params) = (Verifier::new(), signed(r#"{"a":1}"#));
        assert_eq!(verify(&mut verifier, SECRET, "t", &params, now()), Ok(()));
        let disguised = params.replace(r#""entityId":"e""#, r#""entityId":"f""#);
        for replay in [&params, &disguised] {
            assert_eq!(verify(&mut verifier, SECRET, "t", replay, now()), Err(SignatureError::NonceReplay), "{replay}");
        }
    }
}
