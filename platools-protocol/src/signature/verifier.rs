//! [`Verifier`]: checks the signature of a call, for a worker. It refuses an old timestamp, and a nonce that was used before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Once;
use std::time::SystemTime;

use hmac::Mac as _;
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::envelope;
use super::sign::{call_body, mac};

/// The largest difference between a timestamp and the verifier's clock, either way: 300 seconds.
pub const MAX_SKEW_SECONDS: u32 = 300;

/// The number of nonces that are remembered for an entity; past that the oldest are forgotten.
pub const MAX_NONCES: usize = 100_000;

/// A worker is one entity. The one that the envelope names is not signed, so it must not decide which nonces are known.
const OWN_ENTITY: &str = "";

/// Checks signatures, and remembers nonces so that none is accepted twice.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use platools_protocol::signature::{SignatureError, Signed, Verifier, call_body, sign};
///
/// let (timestamp, body) = ("2026-09-15T00:00:00.000Z", call_body("add", r#"{"a":2,"b":40}"#));
/// let signature = sign("secret", timestamp, Some("0f0f"), &body);
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_789_430_460);
/// let signed = Signed::new(timestamp, Some("0f0f"), &body, &signature);
/// let mut verifier = Verifier::new();
/// assert_eq!(verifier.verify("orders", "secret", signed, now), Ok(()));
/// assert_eq!(verifier.verify("orders", "secret", signed, now), Err(SignatureError::NonceReplay));
/// ```
#[derive(Debug)]
pub struct Verifier {
    max_skew: Duration,
    max_nonces: usize,
    nonces: HashMap<String, Nonces>,
}

#[derive(Debug, Default)]
struct Nonces {
    seen: HashSet<String>,
    in_order: VecDeque<String>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            max_skew: Duration::seconds(i64::from(MAX_SKEW_SECONDS)),
            max_nonces: MAX_NONCES,
            nonces: HashMap::new(),
        }
    }
}

impl Verifier {
    /// A verifier with the limits all SDKs share: [`MAX_SKEW_SECONDS`] and [`MAX_NONCES`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks one signature at the time `now`. A nonce counts as used only after its signature was verified, so that
    /// a sender without the secret cannot use it up.
    ///
    /// `entity_id` names the entity whose nonces are compared. It must not come from the call itself, where nothing signs it.
    ///
    /// # Errors
    /// The signature is not accepted.
    pub fn verify(
        &mut self,
        entity_id: &str,
        secret: &str,
        signed: Signed<'_>,
        now: SystemTime,
    ) -> Result<(), SignatureError> {
        let at = OffsetDateTime::parse(signed.timestamp, &Rfc3339).map_err(|_| SignatureError::TimestampInvalid)?;
        if (OffsetDateTime::from(now) - at).abs() > self.max_skew {
            return Err(SignatureError::TimestampSkewExceeded);
        }
        let signature = hex::decode(signed.signature).map_err(|_| SignatureError::SignatureMismatch)?;
        // Compared in constant time.
        mac(secret, signed.timestamp, signed.nonce, signed.body)
            .verify_slice(&signature)
            .map_err(|_| SignatureError::SignatureMismatch)?;
        match signed.nonce {
            Some(nonce) => self.use_up(entity_id, nonce),
            None => {
                warn_of_legacy();
                Ok(())
            }
        }
    }

    /// Checks a call at the time `now`: its params as the frame has them, with the platform's envelope. Returns an error for a call that
    /// was not signed with the secret, was signed too long ago, or was checked before.
    ///
    /// # Errors
    /// The signature is not accepted, or the params have no envelope, or several.
    pub fn verify_call(
        &mut self,
        secret: &str,
        tool_name: &str,
        params: &str,
        now: SystemTime,
    ) -> Result<(), SignatureError> {
        let (arguments, envelope) = envelope::split(params).ok_or(SignatureError::Missing)?;
        let envelope: Envelope = serde_json::from_str(envelope).map_err(|_| SignatureError::Missing)?;
        let body = call_body(tool_name, &arguments);
        let signed = Signed::new(&envelope.timestamp, envelope.nonce.as_deref(), &body, &envelope.signature);
        self.verify(OWN_ENTITY, secret, signed, now)
    }

    fn use_up(&mut self, entity_id: &str, nonce: &str) -> Result<(), SignatureError> {
        let nonces = self.nonces.entry(entity_id.to_owned()).or_default();
        if !nonces.seen.insert(nonce.to_owned()) {
            return Err(SignatureError::NonceReplay);
        }
        nonces.in_order.push_back(nonce.to_owned());
        if nonces.in_order.len() > self.max_nonces
            && let Some(oldest) = nonces.in_order.pop_front()
        {
            nonces.seen.remove(&oldest);
        }
        Ok(())
    }
}

/// The signed text, and its signature.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Signed<'a> {
    /// The time, in RFC 3339.
    pub timestamp: &'a str,
    /// Used once; older platforms send none.
    pub nonce: Option<&'a str>,
    /// The signed text.
    pub body: &'a str,
    /// The signature in hexadecimal.
    pub signature: &'a str,
}

impl<'a> Signed<'a> {
    /// A signed text.
    #[must_use]
    pub fn new(timestamp: &'a str, nonce: Option<&'a str>, body: &'a str, signature: &'a str) -> Self {
        Self { timestamp, nonce, body, signature }
    }
}

/// The body holds a call's arguments, and the signature is the proof of them: neither is for a log.
impl fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// The members of a call's envelope that a signature needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    timestamp: String,
    nonce: Option<String>,
    signature: String,
}

/// Reasons why a signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature or no timestamp.
    Missing,
    /// The timestamp is no date.
    TimestampInvalid,
    /// The timestamp is too old, or too far ahead.
    TimestampSkewExceeded,
    /// The signature does not belong to the text and the secret.
    SignatureMismatch,
    /// The nonce was used before.
    NonceReplay,
}

impl SignatureError {
    /// The reason as one word, the same in every SDK.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::TimestampInvalid => "timestamp_invalid",
            Self::TimestampSkewExceeded => "timestamp_skew_exceeded",
            Self::SignatureMismatch => "signature_mismatch",
            Self::NonceReplay => "nonce_replay",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for SignatureError {}

fn warn_of_legacy() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "platform signs calls without a nonce, so a captured call can be replayed for a few minutes; update the platform"
        );
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signature::sign;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        entity_id: String,
        secret: String,
        now: String,
        timestamp: String,
        nonce: Option<String>,
        body: String,
        signature: String,
        ok: bool,
        reason: Option<String>,
    }

    #[test]
    fn the_other_sdks_vectors_are_judged_alike() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../../../tests/vectors/signatures.json")).expect("the vectors are JSON");
        let mut verifier = Verifier::new();
        for case in vectors.cases {
            let now = OffsetDateTime::parse(&case.now, &Rfc3339).expect("a date").into();
            let signed = Signed::new(&case.timestamp, case.nonce.as_deref(), &case.body, &case.signature);
            let verdict = verifier.verify(&case.entity_id, &case.secret, signed, now);
            assert_eq!(verdict.is_ok(), case.ok, "{}", case.name);
            assert_eq!(verdict.err().map(SignatureError::as_str), case.reason.as_deref(), "{}", case.name);
            if case.ok {
                assert_eq!(sign(&case.secret, &case.timestamp, case.nonce.as_deref(), &case.body), case.signature);
            }
        }
    }

    #[test]
    fn the_oldest_nonces_are_forgotten_first() {
        let mut verifier = Verifier { max_nonces: 2, ..Verifier::new() };
        for nonce in ["a", "b", "c"] {
            verifier.use_up("e", nonce).expect("new");
        }
        verifier.use_up("e", "c").expect_err("still remembered");
        verifier.use_up("e", "a").expect("forgotten");
    }

    const SECRET: &str = "platos_agent_6f1d0c2b9a4e47d3";
    const TIMESTAMP: &str = "2026-09-15T00:00:00.000Z";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_789_430_400)
    }

    fn check(params: &str) -> Result<(), SignatureError> {
        Verifier::new().verify_call(SECRET, "t", params, now())
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
        assert_eq!(verifier.verify_call(SECRET, "t", &params, now()), Ok(()));
        let disguised = params.replace(r#""entityId":"e""#, r#""entityId":"f""#);
        for replay in [&params, &disguised] {
            assert_eq!(verifier.verify_call(SECRET, "t", replay, now()), Err(SignatureError::NonceReplay), "{replay}");
        }
    }
}
