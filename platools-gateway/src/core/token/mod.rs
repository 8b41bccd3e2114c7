//! Signed tokens: a key for a while that is stored nowhere.
//!
//! JSON Web Tokens, HS256, signed with a key that only this gateway has. Callers' and workers' tokens have different audiences, so
//! that one is never taken for the other.

mod hs256;

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::clock::{ms_after, now_ms};
use super::random;

const ISSUER: &str = "platools-gateway";

/// What callers' tokens are for.
pub(crate) const CALLER: &str = "platools:caller";

/// What workers' tokens are for.
pub(crate) const WORKER: &str = "platools:worker";

/// What a caller's token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallerClaims {
    pub(crate) project: String,
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default, rename = "sub", skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
}

/// What a worker's token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorkerClaims {
    pub(crate) project: String,
    pub(crate) entity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
}

/// A token's claims, and what every token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token<C> {
    iss: String,
    aud: String,
    /// In seconds since 1970.
    exp: i64,
    pub(crate) jti: String,
    #[serde(flatten)]
    pub(crate) claims: C,
}

impl<C> Token<C> {
    /// When it ends, in milliseconds since 1970.
    pub(crate) fn expires_ms(&self) -> i64 {
        self.exp.saturating_mul(1000)
    }
}

/// Makes and checks tokens.
pub(crate) struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Signer {
    /// A key for a new gateway, as text.
    pub(crate) fn fresh_key() -> SecretString {
        random::hex_of::<32>().into()
    }

    pub(crate) fn new(key: &SecretString) -> Self {
        hs256::install();
        let key = key.expose_secret().as_bytes();
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key) }
    }

    /// A signed token that ends after a while, rounded up to whole seconds; and when it ends, in milliseconds since 1970.
    pub(crate) fn sign<C: Serialize>(&self, audience: &str, claims: C, ttl: Duration) -> (SecretString, i64) {
        let exp = ms_after(ttl).saturating_add(999) / 1000;
        let jti = random::hex_of::<8>();
        let token = Token { iss: ISSUER.to_owned(), aud: audience.to_owned(), exp, jti, claims };
        let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &token, &self.encoding);
        (text.expect("claims of strings and numbers serialize").into(), token.expires_ms())
    }

    /// What a token says, if it was signed here for that audience and has not ended.
    pub(crate) fn verify<C: DeserializeOwned>(&self, audience: &str, token: &SecretString) -> Option<Token<C>> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Below, by a clock that does not follow jumps of the wall clock at once.
        validation.validate_exp = false;
        let verified = jsonwebtoken::decode::<Token<C>>(token.expose_secret(), &self.decoding, &validation).ok()?;
        Some(verified.claims).filter(|token| now_ms() < token.expires_ms())
    }
}

/// Whether a secret is written like a token, so that it is not looked up as anything else.
pub(crate) fn looks_like_one(secret: &SecretString) -> bool {
    secret.expose_secret().starts_with("eyJ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> WorkerClaims {
        WorkerClaims { project: "prj".to_owned(), entity: "orders".to_owned(), env: None }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_token_says_what_it_was_made_with() {
        let signer = Signer::new(&Signer::fresh_key());
        let (token, expires_ms) = signer.sign(WORKER, claims(), HOUR);
        assert!(looks_like_one(&token));
        let verified: Token<WorkerClaims> = signer.verify(WORKER, &token).unwrap();
        assert_eq!((&*verified.claims.entity, verified.expires_ms()), ("orders", expires_ms));
    }

    #[test]
    fn tokens_of_others_for_others_or_of_the_past_say_nothing() {
        let signer = Signer::new(&Signer::fresh_key());
        let (token, _) = signer.sign(WORKER, claims(), HOUR);
        assert!(signer.verify::<WorkerClaims>(CALLER, &token).is_none(), "another audience");
        let other = Signer::new(&Signer::fresh_key());
        assert!(other.verify::<WorkerClaims>(WORKER, &token).is_none(), "another key");
        let (ended, _) = signer.sign(WORKER, claims(), Duration::ZERO);
        let past = Token { exp: 1_000_000, ..unverified(&ended) };
        let past = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &past, &signer.encoding).unwrap();
        assert!(signer.verify::<WorkerClaims>(WORKER, &past.into()).is_none(), "ended");
    }

    #[test]
    fn a_token_ends_when_it_says_and_not_a_second_later() {
        let signer = Signer::new(&Signer::fresh_key());
        let (made, _) = signer.sign(WORKER, claims(), HOUR);
        let ends = |exp| {
            let token = jsonwebtoken::encode(
                &Header::new(Algorithm::HS256),
                &Token { exp, ..unverified(&made) },
                &signer.encoding,
            );
            signer.verify::<WorkerClaims>(WORKER, &token.unwrap().into()).is_none()
        };
        assert!(ends(now_ms() / 1000), "this second");
        assert!(!ends(now_ms() / 1000 + 60), "in a minute");
    }

    #[test]
    fn a_token_that_names_no_algorithm_or_another_says_nothing() {
        let signer = Signer::new(&Signer::fresh_key());
        let (token, _) = signer.sign(WORKER, claims(), HOUR);
        let (_, rest) = token.expose_secret().split_once('.').unwrap();
        let (body, _) = rest.split_once('.').unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        assert!(signer.verify::<WorkerClaims>(WORKER, &unsigned.into()).is_none());
        // {"alg":"HS512","typ":"JWT"}
        let (_, signature) = rest.split_once('.').unwrap();
        let other = format!("eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.{body}.{signature}");
        assert!(signer.verify::<WorkerClaims>(WORKER, &other.into()).is_none());
    }

    /// What a token says, whoever signed it.
    fn unverified(token: &SecretString) -> Token<WorkerClaims> {
        jsonwebtoken::dangerous::insecure_decode(token.expose_secret()).unwrap().claims
    }
}
