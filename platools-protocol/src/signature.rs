//! [`sign_call`]: signs a call, for a platform. [`Verifier`] checks the signature, for a worker.
//!
//! A platform signs `{timestamp}.{nonce}.{body}` with HMAC-SHA256 and the worker's secret. The body is the call as compact text like
//! JSON-RPC, with the params byte for byte as they were sent, but without the envelope `__platos`. So a signature does not prove the user
//! and the agent that the envelope names. A [`Verifier`] also refuses an old timestamp and a nonce that was used before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Once;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// The largest difference between a timestamp and the verifier's clock, either way: 300 seconds.
pub const MAX_SKEW_SECONDS: u32 = 300;

/// The number of nonces that are remembered for an entity; past that the oldest are forgotten.
pub const MAX_NONCES: usize = 100_000;

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

fn mac(secret: &str, timestamp: &str, nonce: Option<&str>, body: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is accepted");
    for part in [Some(timestamp), nonce].into_iter().flatten() {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(body.as_bytes());
    mac
}

fn warn_of_legacy() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "the platform signs calls without a nonce, so a captured call can be replayed for a few minutes"
        );
    });
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

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
            serde_json::from_str(include_str!("../../tests/vectors/signatures.json")).expect("the vectors are JSON");
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

    #[test]
    fn the_name_of_a_tool_is_escaped_in_the_body() {
        assert_eq!(call_body("a\"b", "{}"), r#"{"method":"tools/call","params":{"name":"a\"b","arguments":{}}}"#);
    }
}
