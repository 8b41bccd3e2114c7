//! [`verify`]: checks that the platform signed a call, over the bytes of the call's params as the frame has them.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use platools_protocol::signature::{SignatureError, Signed, Verifier, call_body};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    timestamp: String,
    nonce: Option<String>,
    signature: String,
}

/// The entries of an object.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A key, borrowed where that is possible.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The key of the platform's envelope, which is not signed itself.
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

/// The params without the envelope, in the order of their members, and the envelope; `None` where there is not exactly one.
///
/// Platforms put it last. Nothing of it is signed, so it may stand anywhere.
fn split(params: &str) -> Option<(String, &str)> {
    let Entries(entries) = serde_json::from_str(params).ok()?;
    let mut named = entries.iter().enumerate().filter(|(_, (key, _))| key == ENVELOPE);
    let (at, (_, envelope)) = named.next().filter(|_| named.next().is_none())?;
    let end_of = |value: &str| value.as_ptr() as usize + value.len() - params.as_ptr() as usize;
    // From the comma before the envelope's key, or for the first entry from its key to the comma behind it.
    let (start, end) = match at.checked_sub(1).and_then(|before| entries.get(before)) {
        Some((_, before)) => (end_of(before.get()), end_of(envelope.get())),
        None => {
            let rest = params.get(end_of(envelope.get())..)?;
            let comma = rest.trim_start().starts_with(',').then(|| rest.find(',')).flatten();
            (params.find('{')? + 1, end_of(envelope.get()) + comma.map_or(0, |comma| comma + 1))
        }
    };
    let (before, after) = (params.get(..start)?, params.get(end..)?);
    Some((format!("{before}{after}"), envelope.get()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use platools_protocol::signature::sign;

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
    fn the_envelope_may_stand_anywhere_and_once() {
        let envelope = &signed(r#"{"a":1,"b":2}"#)[13..];
        let envelope = envelope.strip_suffix('}').expect("an object");
        for params in [
            format!(r#"{{{envelope},"a":1,"b":2}}"#),
            format!(r#"{{"a":1,{envelope},"b":2}}"#),
            format!(r#"{{"a":1,"b":2,{envelope}}}"#),
            format!(r#"{{"a":1,{},"b":2}}"#, envelope.replace("__platos", r"\u005f_platos")),
        ] {
            assert_eq!(check(&params), Ok(()), "{params}");
        }
        for params in [format!(r#"{{"b":2,{envelope},"a":1}}"#), format!(r#"{{"a":1,{envelope}}}"#)] {
            assert_eq!(check(&params), Err(SignatureError::SignatureMismatch), "{params}");
        }
        assert_eq!(check(&format!(r#"{{{envelope},"a":1,"b":2,{envelope}}}"#)), Err(SignatureError::Missing));
        let alone = signed("{}");
        assert_eq!(check(&alone), Ok(()), "{alone}");
    }

    #[test]
    fn a_call_without_an_envelope_is_unsigned() {
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
