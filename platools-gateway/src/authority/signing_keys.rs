//! [`SigningKeys`]: the keys with which one gateway signs and verifies tokens, and their form as JSON. The first key signs new tokens. Each
//! other key only verifies, until its end.

use std::fmt;

use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hs256;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::random;

/// The longest a token may be good: 366 days.
pub const MAX_TOKEN_TTL: std::time::Duration = std::time::Duration::from_secs(366 * 24 * 60 * 60);

/// The longest grace time of a rotation. No token is good for longer than this.
pub(crate) const MAX_GRACE: std::time::Duration = MAX_TOKEN_TTL;

/// Keys verify one after the other where a token names none, so their number is bounded.
const MAX_KEYS: usize = 16;

/// HMAC with SHA-256 takes shorter keys, and they can be guessed.
const MIN_SECRET_CHARS: usize = 32;

/// The keys of one gateway at one moment. There is always one.
#[derive(Debug, Clone)]
pub(crate) struct SigningKeys {
    keys: Vec<SigningKey>,
    /// True if the gateway wrote the keys itself, and so may write them again.
    is_managed: bool,
}

/// A signing key.
#[derive(Clone)]
pub(crate) struct SigningKey {
    /// Its id, which is in the header of each token it signed. It says nothing of the secret.
    pub(crate) kid: String,
    pub(crate) created_ms: i64,
    /// Time when it stops verifying, in milliseconds since 1970. Without it, the key verifies as long as it exists.
    pub(crate) verifies_until_ms: Option<i64>,
    secret: SecretString,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
}

/// The JSON file.
#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kid: String,
    secret: String,
    created_ms: i64,
    verifies_until_ms: Option<i64>,
}

impl SigningKey {
    fn new(secret: SecretString, created_ms: i64) -> Self {
        let kid = hex::encode(&Sha256::digest(format!("platools kid {}", secret.expose_secret()))[..8]);
        Self::with_id(kid, secret, created_ms, None)
    }

    fn with_id(kid: String, secret: SecretString, created_ms: i64, verifies_until_ms: Option<i64>) -> Self {
        hs256::install();
        let bytes = secret.expose_secret().as_bytes();
        let (encoding, decoding) = (EncodingKey::from_secret(bytes), DecodingKey::from_secret(bytes));
        Self { kid, created_ms, verifies_until_ms, secret, encoding, decoding }
    }

    fn verifies_at(&self, now_ms: i64) -> bool {
        self.verifies_until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

/// Shows everything but the secret.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SigningKeys {
    /// Makes a new key.
    pub(crate) fn fresh(now_ms: i64) -> Self {
        Self { keys: vec![fresh_key(now_ms)], is_managed: true }
    }

    /// Reads the gateway's own JSON, or plain text: one key per line, of which the first signs.
    ///
    /// # Errors
    /// The text has neither form. The message never repeats any of it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') { Self::from_json(text) } else { Self::from_lines(text) }
    }

    fn from_json(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text)
            .map_err(|error| format!("it is malformed at line {}, column {}", error.line(), error.column()))?;
        if document.version != 1 {
            return Err(format!("it has version {}, and this gateway knows version 1", document.version));
        }
        let key = |entry: Entry| {
            SigningKey::with_id(entry.kid, entry.secret.into(), entry.created_ms, entry.verifies_until_ms)
        };
        Self { keys: document.keys.into_iter().map(key).collect(), is_managed: true }.checked()
    }

    fn from_lines(text: &str) -> Result<Self, String> {
        let lines = text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty());
        let keys = lines.map(|line| SigningKey::new(line.to_owned().into(), 0)).collect();
        Self { keys, is_managed: false }.checked()
    }

    fn checked(self) -> Result<Self, String> {
        if self.keys.is_empty() {
            return Err("it has no key".to_owned());
        }
        if self.keys.len() > MAX_KEYS {
            return Err(format!("it has {} keys; at most {MAX_KEYS} are taken", self.keys.len()));
        }
        if self.keys.iter().any(|key| key.secret.expose_secret().chars().count() < MIN_SECRET_CHARS) {
            return Err(format!("a key is too short; it takes at least {MIN_SECRET_CHARS} random characters"));
        }
        let has_twin = |key: &SigningKey| self.keys.iter().filter(|other| other.kid == key.kid).count() > 1;
        match self.keys.iter().find(|key| has_twin(key)) {
            Some(key) => Err(format!("it has the key {} twice", key.kid)),
            None => Ok(self),
        }
    }

    /// The gateway's own JSON.
    pub(super) fn to_json(&self) -> SecretString {
        let entry = |key: &SigningKey| Entry {
            kid: key.kid.clone(),
            secret: key.secret.expose_secret().to_owned(),
            created_ms: key.created_ms,
            verifies_until_ms: key.verifies_until_ms,
        };
        let document = Document { version: 1, keys: self.keys.iter().map(entry).collect() };
        serde_json::to_string_pretty(&document).expect("strings and numbers always serialize").into()
    }

    /// True if the gateway may write these keys.
    pub(crate) fn is_managed(&self) -> bool {
        self.is_managed
    }

    /// The keys, the one that signs first.
    #[cfg(test)]
    pub(super) fn all(&self) -> &[SigningKey] {
        &self.keys
    }

    /// The key that signs.
    pub(crate) fn signing(&self) -> &SigningKey {
        &self.keys[0]
    }

    /// True if there is a key with this id, also one that no longer verifies.
    pub(crate) fn contains(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// True if tokens signed by the key are valid now.
    pub(crate) fn verifies(&self, kid: &str, now_ms: i64) -> bool {
        self.verifying(now_ms).any(|key| key.kid == kid)
    }

    /// Time when a key stops verifying, in milliseconds since 1970, if it is known.
    pub(crate) fn verifies_until(&self, kid: &str) -> Option<i64> {
        self.keys.iter().find(|key| key.kid == kid)?.verifies_until_ms
    }

    /// The keys that verify now.
    pub(crate) fn verifying(&self, now_ms: i64) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().filter(move |key| key.verifies_at(now_ms))
    }

    /// Adds a new key that signs. The other keys verify until `until_ms` at most.
    ///
    /// # Errors
    /// Too many keys would verify.
    pub(crate) fn rotated(&self, now_ms: i64, until_ms: i64) -> Result<Self, Error> {
        let retiring = self.keys.iter().map(|key| retired(key, until_ms)).filter(|key| key.verifies_at(now_ms));
        let keys: Vec<_> = std::iter::once(fresh_key(now_ms)).chain(retiring).collect();
        if keys.len() > MAX_KEYS {
            let message =
                format!("{} signing keys are in their grace time already; rotate with a shorter one", MAX_KEYS - 1);
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(Self { keys, is_managed: self.is_managed })
    }

    /// Adds a key that only verifies, until `until_ms`, unless the keys have it already.
    pub(crate) fn with_retiring(mut self, secret: &SecretString, until_ms: i64) -> Self {
        let key = retired(&SigningKey::new(secret.clone(), 0), until_ms);
        if !self.contains(&key.kid) {
            self.keys.push(key);
        }
        self
    }
}

fn fresh_key(now_ms: i64) -> SigningKey {
    SigningKey::new(random::hex_of::<32>().into(), now_ms)
}

/// The key with an end, unless it has an earlier one.
fn retired(key: &SigningKey, until_ms: i64) -> SigningKey {
    let until_ms = key.verifies_until_ms.map_or(until_ms, |earlier_ms| earlier_ms.min(until_ms));
    SigningKey { verifies_until_ms: Some(until_ms), ..key.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_being_written() {
        let keys = SigningKeys::fresh(17).rotated(20, 100).unwrap();
        let read = SigningKeys::parse(keys.to_json().expose_secret()).unwrap();
        let ends = |keys: &SigningKeys| {
            keys.all().iter().map(|key| (key.kid.clone(), key.created_ms, key.verifies_until_ms)).collect::<Vec<_>>()
        };
        assert_eq!(ends(&read), ends(&keys));
        assert!(read.is_managed());
    }

    #[test]
    fn a_rotation_retires_the_others_and_never_prolongs_them() {
        let first = SigningKeys::fresh(0);
        let second = first.rotated(10, 50).unwrap();
        let third = second.rotated(20, 1000).unwrap();
        let old = &first.signing().kid;
        assert!(third.verifies(old, 49) && !third.verifies(old, 50));
        assert!(third.verifies(&second.signing().kid, 999) && !third.verifies(&second.signing().kid, 1000));
        let at_once = third.rotated(30, 30).unwrap();
        assert_eq!(at_once.all().len(), 1, "what verifies no more is left out");
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_a_shorter_grace_makes_room() {
        let mut keys = SigningKeys::fresh(0);
        for _ in 1..MAX_KEYS {
            keys = keys.rotated(0, 100).unwrap();
        }
        let refused = keys.rotated(0, 100).unwrap_err();
        assert!(refused.to_string().contains("rotate with a shorter one"), "{refused}");
        assert_eq!(keys.rotated(0, 0).unwrap().all().len(), 1);
    }

    #[test]
    fn plain_text_has_a_key_on_each_line_and_the_first_signs() {
        let (one, other) = ("a".repeat(32), "b".repeat(40));
        let keys = SigningKeys::parse(&format!("{one}\n\n {other} \n")).unwrap();
        assert!(!keys.is_managed());
        assert_eq!(keys.all().len(), 2);
        assert_eq!(keys.signing().kid, SigningKeys::parse(&one).unwrap().signing().kid, "the id follows from the key");
    }

    #[test]
    fn malformed_keys_are_refused_without_being_repeated() {
        let hush = "hush".repeat(16);
        for text in [
            String::new(),
            "short".to_owned(),
            format!("{hush}\n{hush}"),
            format!(r#"{{"version": 1, "keys": "{hush}"}}"#),
            format!(r#"{{"version": 2, "keys": [{{"kid": "k", "secret": "{hush}", "createdMs": 0}}]}}"#),
            r#"{"version": 1, "keys": []}"#.to_owned(),
            r#"{"version": 1, "keys": [{"kid": "k", "secret": "hush", "createdMs": 0}]}"#.to_owned(),
            (0..17).map(|number| format!("{hush}{number}\n")).collect(),
        ] {
            let refused = SigningKeys::parse(&text).unwrap_err();
            assert!(!refused.contains("hush"), "{refused}");
        }
    }

    #[test]
    fn debug_does_not_print_a_secret() {
        let keys = SigningKeys::fresh(0);
        let secret = keys.signing().secret.expose_secret();
        assert!(!format!("{keys:?}").contains(secret));
    }
}
