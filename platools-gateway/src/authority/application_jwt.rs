//! [`ApplicationJwtVerifier`]: verifies the JSON Web Tokens that an application signs for its own users.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::hs256;

/// The shortest secret of an application: RFC 7518, section 3.2, asks for a key as long as the hash. A shorter one can be found by trying.
pub(crate) const MIN_APPLICATION_SECRET_BYTES: usize = 32;

/// Tolerance for an application's clock that is ahead of the gateway's when a token says `nbf`, in milliseconds.
const CLOCK_LEEWAY_MS: i64 = 60_000;

/// The rules for an application's tokens: JSON Web Tokens, HS256, with the application's secret. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub(crate) struct ApplicationJwtVerifier {
    key: DecodingKey,
    /// The claim with the user's id.
    pub(crate) user_claim: String,
    /// The `iss` that a token must have; any or none without it.
    pub(crate) issuer: Option<String>,
    /// An `aud` that a token must have. Without it, a token must have none.
    pub(crate) audience: Option<String>,
}

/// The user of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApplicationUser {
    pub(crate) user: String,
    /// The end of the token, in milliseconds since 1970.
    pub(crate) expires_ms: i64,
}

/// The reason why a token is refused. Its text is for the log and repeats nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFlaw {
    Malformed,
    Algorithm,
    Critical,
    Signature,
    NoEnd,
    Ended,
    NotYet,
    Issuer,
    Audience,
    UnexpectedAudience,
    NoUser,
}

impl ApplicationJwtVerifier {
    /// Tokens that are signed with `secret` and name their user in `userId`.
    pub(crate) fn new(secret: &SecretString) -> Self {
        hs256::install();
        let key = DecodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { key, user_claim: "userId".to_owned(), issuer: None, audience: None }
    }

    /// The user of a token that was signed with the secret, is good now, and has the claims that the rules ask for.
    ///
    /// # Errors
    /// The token is not good.
    pub(crate) fn verify(&self, token: &SecretString, now_ms: i64) -> Result<ApplicationUser, TokenFlaw> {
        let claims = self.signed_claims(token.expose_secret())?;
        let expires_ms = end_of(&claims, now_ms)?;
        self.check_parties(&claims)?;
        let user = claims.get(&self.user_claim).and_then(user_id).ok_or(TokenFlaw::NoUser)?;
        Ok(ApplicationUser { user, expires_ms })
    }

    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, TokenFlaw> {
        // Another algorithm, `none` included, is either unknown to the library or not the one asked for.
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFlaw::Malformed)?;
        if header.alg != Algorithm::HS256 {
            return Err(TokenFlaw::Algorithm);
        }
        if header.crit.is_some() {
            return Err(TokenFlaw::Critical);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are compared with the gateway's clock, and parties below, where each flaw has a name.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode(token, &self.key, &validation);
        decoded.map(|decoded| decoded.claims).map_err(|_| TokenFlaw::Signature)
    }

    fn check_parties(&self, claims: &Map<String, Value>) -> Result<(), TokenFlaw> {
        let is_text = |value: &Value, wanted: &str| value.as_str() == Some(wanted);
        if let Some(issuer) = &self.issuer
            && !claims.get("iss").is_some_and(|value| is_text(value, issuer))
        {
            return Err(TokenFlaw::Issuer);
        }
        match (&self.audience, claims.get("aud")) {
            (None, None) => Ok(()),
            // RFC 7519, section 4.1.3: a token for others must be refused.
            (None, Some(_)) => Err(TokenFlaw::UnexpectedAudience),
            (Some(wanted), Some(Value::Array(several))) if several.iter().any(|value| is_text(value, wanted)) => Ok(()),
            (Some(wanted), Some(value)) if is_text(value, wanted) => Ok(()),
            (Some(_), _) => Err(TokenFlaw::Audience),
        }
    }
}

/// The end of a token that is good now, in milliseconds since 1970.
fn end_of(claims: &Map<String, Value>, now_ms: i64) -> Result<i64, TokenFlaw> {
    let expires_ms = claims.get("exp").and_then(time_ms).ok_or(TokenFlaw::NoEnd)?;
    if now_ms >= expires_ms {
        return Err(TokenFlaw::Ended);
    }
    match claims.get("nbf").map(time_ms) {
        None => Ok(expires_ms),
        Some(Some(begins_ms)) if begins_ms <= now_ms.saturating_add(CLOCK_LEEWAY_MS) => Ok(expires_ms),
        Some(_) => Err(TokenFlaw::NotYet),
    }
}

/// A time of RFC 7519: seconds since 1970, also with a fraction. Milliseconds of it; a number that is too large is the largest.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float to an integer saturates")]
fn time_ms(value: &Value) -> Option<i64> {
    value.as_f64().filter(|seconds| seconds.is_finite()).map(|seconds| (seconds * 1000.0) as i64)
}

/// The id of a user as text. Many applications number their users.
fn user_id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

impl fmt::Display for TokenFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is no JSON Web Token, or its algorithm is unknown",
            Self::Algorithm => "its algorithm is not HS256",
            Self::Critical => "its header has `crit`, which the gateway does not support",
            Self::Signature => "it was signed with another secret, or was changed",
            Self::NoEnd => "it has no `exp`, or one that is no number",
            Self::Ended => "it has ended",
            Self::NotYet => "its `nbf` is in the future",
            Self::Issuer => "its `iss` is not the configured issuer",
            Self::Audience => "its `aud` does not have the configured audience",
            Self::UnexpectedAudience => "it has an `aud`, and no audience is configured",
            Self::NoUser => "the claim with the user is missing, or is neither a text nor a whole number",
        })
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "the application's own secret, 32+";
    const NOW_S: i64 = 1_789_430_400;

    fn tokens() -> ApplicationJwtVerifier {
        ApplicationJwtVerifier::new(&SECRET.to_owned().into())
    }

    fn signed(header: &Header, claims: &Value) -> SecretString {
        hs256::install();
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap().into()
    }

    /// The user of a token with these claims besides an end in a minute.
    fn checked(tokens: &ApplicationJwtVerifier, claims: Value) -> Result<String, TokenFlaw> {
        let mut all = json!({"exp": NOW_S + 60});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        tokens.verify(&signed(&Header::new(Algorithm::HS256), &all), NOW_S * 1000).map(|user| user.user)
    }

    #[test]
    fn a_token_of_another_implementation_is_verified() {
        // Made with PyJWT: jwt.encode({"userId": "user-7", "exp": 1789434000}, SECRET, algorithm="HS256")
        let token = SecretString::from(PYJWT.to_owned());
        let user = tokens().verify(&token, NOW_S * 1000).unwrap();
        assert_eq!(user, ApplicationUser { user: "user-7".to_owned(), expires_ms: 1_789_434_000_000 });
        let other = ApplicationJwtVerifier::new(&"another secret of an application, 32+".to_owned().into());
        assert_eq!(other.verify(&token, NOW_S * 1000), Err(TokenFlaw::Signature));
    }

    #[test]
    fn the_user_is_a_text_or_a_whole_number_of_the_configured_claim() {
        for (claim, user) in [
            (json!("u-1"), Ok("u-1")),
            (json!(42), Ok("42")),
            (json!(-1), Ok("-1")),
            (json!(u64::MAX), Ok("18446744073709551615")),
            (json!(1.5), Err(TokenFlaw::NoUser)),
            (json!(""), Err(TokenFlaw::NoUser)),
            (json!(null), Err(TokenFlaw::NoUser)),
            (json!(true), Err(TokenFlaw::NoUser)),
            (json!(["u-1"]), Err(TokenFlaw::NoUser)),
        ] {
            let checked = checked(&tokens(), json!({"userId": claim}));
            assert_eq!(checked, user.map(str::to_owned), "{claim}");
        }
        assert_eq!(checked(&tokens(), json!({"sub": "u-1"})), Err(TokenFlaw::NoUser));
        let by_sub = ApplicationJwtVerifier { user_claim: "sub".to_owned(), ..tokens() };
        assert_eq!(checked(&by_sub, json!({"sub": "u-1", "userId": "u-2"})).as_deref(), Ok("u-1"));
    }

    #[test]
    fn a_token_is_good_from_nbf_to_exp_only() {
        let user = |claims: Value| {
            let mut claims = claims;
            claims["userId"] = "u".into();
            checked(&tokens(), claims).map(drop)
        };
        for (claims, expected) in [
            (json!({"exp": NOW_S + 1}), Ok(())),
            (json!({"exp": NOW_S as f64 + 0.5}), Ok(())),
            (json!({"exp": NOW_S}), Err(TokenFlaw::Ended)),
            (json!({"exp": -1}), Err(TokenFlaw::Ended)),
            (json!({"exp": 1e300}), Ok(())),
            (json!({"exp": null}), Err(TokenFlaw::NoEnd)),
            (json!({"exp": "1999999999"}), Err(TokenFlaw::NoEnd)),
            (json!({"nbf": NOW_S + 60}), Ok(())),
            (json!({"nbf": NOW_S + 61}), Err(TokenFlaw::NotYet)),
            (json!({"nbf": "soon"}), Err(TokenFlaw::NotYet)),
        ] {
            assert_eq!(user(claims.clone()), expected, "{claims}");
        }
        let endless = signed(&Header::new(Algorithm::HS256), &json!({"userId": "u"}));
        assert_eq!(tokens().verify(&endless, NOW_S * 1000), Err(TokenFlaw::NoEnd));
    }

    #[test]
    fn issuer_and_audience_are_checked_if_they_are_configured() {
        let strict =
            ApplicationJwtVerifier { issuer: Some("app".to_owned()), audience: Some("feed".to_owned()), ..tokens() };
        for (claims, loose_end, strict_end) in [
            (json!({}), Ok(()), Err(TokenFlaw::Issuer)),
            (json!({"iss": "app"}), Ok(()), Err(TokenFlaw::Audience)),
            (json!({"iss": "other", "aud": "feed"}), Err(TokenFlaw::UnexpectedAudience), Err(TokenFlaw::Issuer)),
            (json!({"iss": "app", "aud": "feed"}), Err(TokenFlaw::UnexpectedAudience), Ok(())),
            (json!({"iss": "app", "aud": ["api", "feed"]}), Err(TokenFlaw::UnexpectedAudience), Ok(())),
            (json!({"iss": "app", "aud": ["api"]}), Err(TokenFlaw::UnexpectedAudience), Err(TokenFlaw::Audience)),
            (json!({"iss": ["app"], "aud": 7}), Err(TokenFlaw::UnexpectedAudience), Err(TokenFlaw::Issuer)),
        ] {
            let with_user = |mut claims: Value| {
                claims["userId"] = "u".into();
                claims
            };
            assert_eq!(checked(&tokens(), with_user(claims.clone())).map(drop), loose_end, "{claims}");
            assert_eq!(checked(&strict, with_user(claims.clone())).map(drop), strict_end, "{claims}");
        }
    }

    #[test]
    fn no_algorithm_but_hs256_is_accepted() {
        let good = signed(&Header::new(Algorithm::HS256), &json!({"userId": "u", "exp": NOW_S + 60}));
        let (_, rest) = good.expose_secret().split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        let encoded = |header: Value| data_encoding::BASE64URL_NOPAD.encode(header.to_string().as_bytes());
        for (header, signature) in [
            (json!({"alg": "none", "typ": "JWT"}), ""),
            (json!({"alg": "None"}), signature),
            (json!({"alg": "hs256"}), signature),
            (json!({"alg": "HS512"}), signature),
            (json!({"alg": "RS256"}), signature),
            (json!({"typ": "JWT"}), signature),
        ] {
            let token = format!("{}.{body}.{signature}", encoded(header.clone())).into();
            let flaw = tokens().verify(&token, NOW_S * 1000).unwrap_err();
            assert!(matches!(flaw, TokenFlaw::Malformed | TokenFlaw::Algorithm), "{header} {flaw}");
        }
        for text in ["", ".", "..", "a.b.c", "eyJ", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.e30.\u{0}"] {
            assert!(tokens().verify(&text.to_owned().into(), NOW_S * 1000).is_err(), "{text:?}");
        }
        let critical = Header { crit: Some(vec!["exp".to_owned()]), ..Header::new(Algorithm::HS256) };
        let token = signed(&critical, &json!({"userId": "u", "exp": NOW_S + 60}));
        assert_eq!(tokens().verify(&token, NOW_S * 1000), Err(TokenFlaw::Critical));
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let shown = format!("{:?}", tokens());
        assert!(!shown.contains("own secret") && shown.contains("userId"), "{shown}");
    }

    const PYJWT: &str = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJ1c2VyLTciLCJleHAiOjE3ODk0MzQwMDB9.fgtc5OXU4KvUb_",
        "AGKbhIAN6gH6e383zTF9_T9G_80h4",
    );
}
