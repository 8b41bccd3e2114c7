//! [`AnswerSeal`]: encrypts the answer of a call under an idempotency key, and decrypts it again.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;

use crate::domain::random;

/// Bytes of the nonce before a sealed answer.
const NONCE_BYTES: usize = 24;

/// The key that seals the answers under one idempotency key. It is derived from the idempotency key, and does not tell it.
#[derive(Clone)]
pub(super) struct AnswerSeal([u8; 32]);

impl AnswerSeal {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The key as text, for a gateway that may have to seal the answer.
    pub(super) fn to_text(&self) -> String {
        BASE64.encode(&self.0)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        BASE64.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// Seals an answer, so that only who knows the idempotency key can read it, and only as the answer to this request.
    pub(super) fn seal(&self, fingerprint: &str, answer: &str) -> String {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let payload = Payload { msg: answer.as_bytes(), aad: fingerprint.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("an answer is far shorter than the cipher takes");
        BASE64.encode(&[nonce.as_slice(), &sealed].concat())
    }

    /// Opens a sealed answer, unless it was sealed under another key or for another request.
    pub(super) fn open(&self, fingerprint: &str, sealed: &str) -> Option<String> {
        let sealed = BASE64.decode(sealed.as_bytes()).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: fingerprint.as_bytes() };
        let answer = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(answer).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl fmt::Debug for AnswerSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerSeal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_key_only_and_as_the_answer_to_its_request_only() {
        let (own, other) = (AnswerSeal::new([1; 32]), AnswerSeal::new([2; 32]));
        let sealed = own.seal("print", "hunter2");
        assert_eq!(own.open("print", &sealed).as_deref(), Some("hunter2"));
        assert_eq!(other.open("print", &sealed), None);
        assert_eq!(own.open("another", &sealed), None);
        assert_eq!(own.open("print", "bm8="), None);
        assert_eq!(own.open("print", "no base64"), None);
        assert_ne!(own.seal("print", "hunter2"), sealed, "the nonce is new each time");
    }

    #[test]
    fn a_key_that_travels_as_text_is_the_same_and_does_not_show_in_debug() {
        let own = AnswerSeal::new([7; 32]);
        let text = own.to_text();
        let sealed = AnswerSeal::from_text(&text).unwrap().seal("print", "hunter2");
        assert_eq!(own.open("print", &sealed).as_deref(), Some("hunter2"));
        assert!(AnswerSeal::from_text("c2hvcnQ=").is_none());
        assert_eq!(format!("{own:?}"), "AnswerSeal { .. }");
    }
}
