//! Signs calls, so that a worker can tell that its platform made them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::random;

/// `HMAC-SHA256(secret, "{timestamp}.{nonce}.{body}")` in hexadecimal.
pub(crate) fn sign(secret: &str, timestamp: &str, nonce: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is a key");
    for part in [timestamp, ".", nonce, ".", body] {
        mac.update(part.as_bytes());
    }
    random::hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_vectors_signatures_come_out() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/signatures.json")).unwrap();
        let mut compared = 0;
        for case in vectors["cases"].as_array().unwrap() {
            // The other cases have a signature that is wrong on purpose, or none with a nonce.
            let signed = case["ok"] == true
                || matches!(case["reason"].as_str(), Some("nonce_replay" | "timestamp_skew_exceeded"));
            let Some(nonce) = case["nonce"].as_str().filter(|_| signed) else { continue };
            let text = |name: &str| case[name].as_str().unwrap();
            let signature = sign(text("secret"), text("timestamp"), nonce, text("body"));
            assert_eq!(signature, text("signature"), "{}", case["name"]);
            compared += 1;
        }
        assert!(compared >= 8, "only {compared} vectors were compared");
    }
}
