//! Functions that sign and verify tokens: JSON Web Tokens with HS256, whose header names the signing key.
//!
//! Tokens of callers and of workers have different audiences, so that nobody can use one as the other. A token names its parents: the keys
//! and tokens that it was made with, or the entity's secret. When one of its parents ends, the token ends.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::signing_keys::{MAX_TOKEN_TTL, SigningKey, SigningKeys};
use crate::domain::identity::{Credential, SpeaksFor};
use crate::domain::random;

const ISSUER: &str = "platools-gateway";

/// The audience of callers' tokens.
pub(crate) const CALLER: &str = "platools:caller";

/// The audience of workers' tokens.
pub(crate) const WORKER: &str = "platools:worker";

/// The longest correction of the clock backwards that may have happened since a token was signed.
const CLOCK_CORRECTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The claims of a caller's token.
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
    /// Tokens of earlier versions have none, and the default of their role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) speaks_for: Option<SpeaksFor>,
    /// Ids of environments; without them, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environments: Option<Vec<String>>,
}

/// The claims of a worker's token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorkerClaims {
    pub(crate) project: String,
    pub(crate) entity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
}

/// All claims of a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims<C> {
    iss: String,
    aud: String,
    /// The time of signing, in seconds since 1970. Tokens of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// The end, in seconds since 1970.
    exp: i64,
    jti: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<String>,
    #[serde(flatten)]
    own: C,
}

/// A token to be.
#[derive(Debug)]
pub(crate) struct NewClaims<'a, C> {
    pub(crate) audience: &'a str,
    /// The credentials that the token ends with, from the first to the one that mints it.
    pub(crate) parents: &'a [Credential],
    pub(crate) claims: C,
}

/// A token that was signed.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) token: SecretString,
    /// Its `jti`.
    pub(crate) id: String,
    /// The id of the key that signed it.
    pub(crate) kid: String,
    pub(crate) expires_ms: i64,
}

/// A token that was verified.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedToken<C> {
    /// Its id among credentials.
    pub(crate) credential: Credential,
    pub(crate) claims: C,
}

/// Reasons why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unverified {
    /// The token names a signing key that the gateway does not have.
    UnknownKey,
    /// The token is malformed, forged, for another audience, or has ended.
    NotGood,
}

/// Signs a token that ends after a while, rounded up to whole seconds.
pub(super) fn sign<C: Serialize>(key: &SigningKey, new: NewClaims<'_, C>, ttl: Duration, now_ms: i64) -> Signed {
    let ends_ms = now_ms.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: new.audience.to_owned(),
        iat: Some(now_ms / 1000),
        exp: ends_ms.saturating_add(999) / 1000,
        jti: random::hex_of::<8>(),
        parents: new.parents.iter().map(written).collect(),
        own: new.claims,
    };
    let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
    let text = jsonwebtoken::encode(&header, &claims, &key.encoding);
    Signed {
        token: text.expect("claims of strings and numbers serialize").into(),
        id: claims.jti,
        kid: key.kid.clone(),
        expires_ms: claims.exp.saturating_mul(1000),
    }
}

/// The claims of a token that was signed by one of the keys for that audience and has not ended.
///
/// # Errors
/// The token names a key that is not there, or is not good.
pub(super) fn verify<C: DeserializeOwned>(
    keys: &SigningKeys,
    audience: &str,
    token: &SecretString,
    now_ms: i64,
) -> Result<VerifiedToken<C>, Unverified> {
    let header = jsonwebtoken::decode_header(token.expose_secret()).map_err(|_| Unverified::NotGood)?;
    let is_meant = |key: &&SigningKey| header.kid.as_ref().is_none_or(|kid| *kid == key.kid);
    let mut candidates = keys.verifying(now_ms).filter(is_meant).peekable();
    if candidates.peek().is_none() {
        return Err(Unverified::UnknownKey);
    }
    let verified = candidates.find_map(|key| Some((key, decode::<C>(key, audience, token)?)));
    let (key, claims) = verified.ok_or(Unverified::NotGood)?;
    if !is_in_time(&claims, now_ms) {
        return Err(Unverified::NotGood);
    }
    let parents = claims.parents.iter().map(|parent| parent_of(parent)).collect::<Option<Vec<_>>>();
    let credential = Credential::Token {
        id: claims.jti,
        expires_ms: claims.exp.saturating_mul(1000),
        signed_by: key.kid.clone(),
        parents: parents.ok_or(Unverified::NotGood)?,
    };
    Ok(VerifiedToken { credential, claims: claims.own })
}

fn decode<C: DeserializeOwned>(key: &SigningKey, audience: &str, token: &SecretString) -> Option<Claims<C>> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    // Compared with the caller's clock, to the millisecond.
    validation.validate_exp = false;
    Some(jsonwebtoken::decode::<Claims<C>>(token.expose_secret(), &key.decoding, &validation).ok()?.claims)
}

/// True if a token has not ended, and its end is one that this gateway would have signed.
fn is_in_time<C>(claims: &Claims<C>, now_ms: i64) -> bool {
    let longest_s = i64::try_from(MAX_TOKEN_TTL.as_secs()).unwrap_or(i64::MAX);
    let correction_s = i64::try_from(CLOCK_CORRECTION.as_secs()).unwrap_or(i64::MAX);
    let fits = |begun_s: i64, longest_s: i64| claims.exp.saturating_sub(begun_s) <= longest_s;
    // Rounding up adds a second at most.
    now_ms < claims.exp.saturating_mul(1000)
        && claims.iat.is_none_or(|iat| fits(iat, longest_s + 1))
        && fits(now_ms / 1000, longest_s + correction_s)
}

/// A parent as it is written in a token: a key, a worker's secret, or a token with the key that signed it.
fn written(parent: &Credential) -> String {
    match parent {
        Credential::Token { signed_by, .. } => format!("{parent}.{signed_by}"),
        other => other.to_string(),
    }
}

fn parent_of(text: &str) -> Option<Credential> {
    match text.split_once('_')? {
        ("key", _) => Some(Credential::Key(text.into())),
        ("sec", _) => Some(Credential::Secret(text.into())),
        ("tok", rest) => {
            let (id, signed_by) = rest.split_once('.')?;
            // Its own parents are named before it, and no child outlives it.
            let (id, signed_by) = (id.to_owned(), signed_by.to_owned());
            Some(Credential::Token { id, expires_ms: i64::MAX, signed_by, parents: Vec::new() })
        }
        _ => None,
    }
}

/// The credentials that end all that is minted with this one: its parents and itself.
pub(crate) fn lineage(credential: &Credential) -> Vec<Credential> {
    match credential {
        Credential::Token { id, expires_ms, signed_by, parents } => {
            let (id, signed_by) = (id.clone(), signed_by.clone());
            let own = Credential::Token { id, expires_ms: *expires_ms, signed_by, parents: Vec::new() };
            parents.iter().cloned().chain([own]).collect()
        }
        other => vec![other.clone()],
    }
}

/// True if a secret has the form of a token, so that it is not looked up as a key.
pub(crate) fn looks_like_one(secret: &SecretString) -> bool {
    secret.expose_secret().starts_with("eyJ")
}

/// True for a token that names this gateway as its issuer. Nothing is verified: the answer only says who may be asked to verify it.
pub(crate) fn names_gateway(token: &SecretString) -> bool {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let claims = jsonwebtoken::dangerous::insecure_decode::<Issuer>(token.expose_secret());
    claims.is_ok_and(|decoded| decoded.claims.iss == ISSUER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW_MS: i64 = 1_789_430_400_000;

    fn claims() -> WorkerClaims {
        WorkerClaims { project: "prj".to_owned(), entity: "orders".to_owned(), env: None }
    }

    fn signed_by(keys: &SigningKeys, parents: &[Credential], ttl: Duration) -> Signed {
        let new = NewClaims { audience: WORKER, parents, claims: claims() };
        sign(keys.signing(), new, ttl, NOW_MS)
    }

    fn verified(
        keys: &SigningKeys,
        token: &SecretString,
        now_ms: i64,
    ) -> Result<VerifiedToken<WorkerClaims>, Unverified> {
        verify(keys, WORKER, token, now_ms)
    }

    /// A token with other claims, and a right signature.
    fn forged(keys: &SigningKeys, change: impl FnOnce(&mut Claims<WorkerClaims>)) -> SecretString {
        let token = signed_by(keys, &[], HOUR).token;
        let mut claims: Claims<WorkerClaims> =
            jsonwebtoken::dangerous::insecure_decode(token.expose_secret()).unwrap().claims;
        change(&mut claims);
        let header = Header { kid: Some(keys.signing().kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &keys.signing().encoding).unwrap().into()
    }

    #[test]
    fn a_token_says_what_it_was_made_with() {
        let keys = SigningKeys::fresh(NOW_MS);
        let parents = [Credential::Key("key_1".into()), Credential::Secret("sec_1".into())];
        let signed = signed_by(&keys, &parents, HOUR);
        assert!(looks_like_one(&signed.token) && names_gateway(&signed.token));
        let token = verified(&keys, &signed.token, NOW_MS).unwrap();
        assert_eq!(token.claims.entity, "orders");
        let credential = Credential::Token {
            id: signed.id,
            expires_ms: signed.expires_ms,
            signed_by: signed.kid,
            parents: parents.to_vec(),
        };
        assert_eq!(token.credential, credential);
    }

    #[test]
    fn tokens_of_others_or_for_others_say_nothing() {
        let keys = SigningKeys::fresh(NOW_MS);
        let token = signed_by(&keys, &[], HOUR).token;
        let for_others = verify::<WorkerClaims>(&keys, CALLER, &token, NOW_MS);
        assert_eq!(for_others.unwrap_err(), Unverified::NotGood);
        let others = verified(&SigningKeys::fresh(NOW_MS), &token, NOW_MS);
        assert_eq!(others.unwrap_err(), Unverified::UnknownKey);
    }

    #[test]
    fn a_token_ends_when_it_says_and_not_a_millisecond_later() {
        let keys = SigningKeys::fresh(NOW_MS);
        let signed = signed_by(&keys, &[], HOUR);
        assert!(verified(&keys, &signed.token, signed.expires_ms - 1).is_ok());
        assert_eq!(verified(&keys, &signed.token, signed.expires_ms).unwrap_err(), Unverified::NotGood);
    }

    #[test]
    fn an_end_that_no_gateway_signs_is_refused_in_spite_of_a_right_signature() {
        let keys = SigningKeys::fresh(NOW_MS);
        let (now_s, longest_s) = (NOW_MS / 1000, 366 * 24 * 3600);
        for (iat, exp, is_good) in [
            (Some(now_s), now_s + longest_s, true),
            (Some(now_s), now_s + longest_s + 60, false),
            (Some(now_s - 3600), now_s + longest_s, false),
            (None, now_s + longest_s, true),
            (None, now_s + 31 * longest_s, false),
            // Signed in the future, or before the clock was set back.
            (Some(now_s + 3600), now_s + 3600 + longest_s, true),
            (Some(now_s + longest_s), now_s + 2 * longest_s, false),
            (Some(i64::MIN), i64::MAX, false),
        ] {
            let token = forged(&keys, |claims| (claims.iat, claims.exp) = (iat, exp));
            assert_eq!(verified(&keys, &token, NOW_MS).is_ok(), is_good, "{iat:?} {exp}");
        }
    }

    #[test]
    fn a_key_verifies_what_it_signed_until_its_grace_time_is_over() {
        let old = SigningKeys::fresh(NOW_MS);
        let before = signed_by(&old, &[], HOUR).token;
        let keys = old.rotated(NOW_MS, NOW_MS + 1000).unwrap();
        let after = signed_by(&keys, &[], HOUR);
        assert_eq!(after.kid, keys.signing().kid);
        assert!(verified(&keys, &before, NOW_MS + 999).is_ok());
        assert_eq!(verified(&keys, &before, NOW_MS + 1000).unwrap_err(), Unverified::UnknownKey);
        assert!(verified(&keys, &after.token, NOW_MS + 1000).is_ok());
    }

    #[test]
    fn a_token_of_an_earlier_version_names_no_key_and_is_good_by_any() {
        let keys = SigningKeys::fresh(NOW_MS).rotated(NOW_MS, NOW_MS + 1000).unwrap();
        let old = &keys.all()[1];
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": WORKER, "exp": NOW_MS / 1000 + 60, "jti": "0f", "project": "prj", "entity": "orders"
        });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &old.encoding).unwrap().into();
        assert!(verified(&keys, &token, NOW_MS).is_ok());
    }

    #[test]
    fn a_token_names_all_that_minted_it() {
        let keys = SigningKeys::fresh(NOW_MS);
        let first = signed_by(&keys, &[Credential::Key("key_1".into())], HOUR).token;
        let first = verified(&keys, &first, NOW_MS).unwrap().credential;
        let second = signed_by(&keys, &lineage(&first), HOUR).token;
        let Credential::Token { parents, .. } = verified(&keys, &second, NOW_MS).unwrap().credential else { panic!() };
        assert_eq!(
            parents.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["key_1".to_owned(), first.to_string()]
        );
        assert!(matches!(&parents[1], Credential::Token { signed_by, .. } if *signed_by == keys.signing().kid));
    }

    #[test]
    fn parents_that_are_not_understood_make_a_token_void() {
        let keys = SigningKeys::fresh(NOW_MS);
        for parent in ["key", "x_1", "tok_1", ""] {
            let token = forged(&keys, |claims| claims.parents = vec![parent.to_owned()]);
            assert_eq!(verified(&keys, &token, NOW_MS).unwrap_err(), Unverified::NotGood, "{parent}");
        }
    }

    #[test]
    fn a_token_that_names_no_algorithm_or_another_says_nothing() {
        let keys = SigningKeys::fresh(NOW_MS);
        let token = signed_by(&keys, &[], HOUR).token;
        let (_, rest) = token.expose_secret().split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        // {"alg":"none","typ":"JWT"} and {"alg":"HS512","typ":"JWT"}
        for (head, signature) in
            [("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", ""), ("eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9", signature)]
        {
            let other = format!("{head}.{body}.{signature}").into();
            assert!(verified(&keys, &other, NOW_MS).is_err(), "{head}");
        }
    }
}
