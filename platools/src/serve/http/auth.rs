//! [`Guard`]: checks the bearer token of each HTTP request to a local MCP server.

use hyper::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Reasons why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// There is no bearer token.
    NoToken,
    /// It is another one.
    WrongToken,
}

/// The token that is asked for, as a hash: what is compared has the same length then, whatever is sent.
#[derive(Clone)]
pub(super) struct Guard([u8; 32]);

impl Guard {
    pub(super) fn new(token: &SecretString) -> Self {
        Self(hash(token.expose_secret()))
    }

    /// Lets a request in that has the token.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let token = bearer_token(headers).ok_or(Denied::NoToken)?;
        let is_same: bool = hash(token).ct_eq(&self.0).into();
        if is_same { Ok(()) } else { Err(Denied::WrongToken) }
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token, if there is one; the scheme's case does not matter.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        let guard = Guard::new(&SecretString::from("s3cret"));
        let check =
            |value: &str| guard.check(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header"))]));
        for good in ["Bearer s3cret", "bearer  s3cret "] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer S3CRET", "Bearer s3cret s3cret"] {
            assert_eq!(check(wrong), Err(Denied::WrongToken), "{wrong}");
        }
        for none in ["Basic s3cret", "Bearer", "Bearer ", "s3cret"] {
            assert_eq!(check(none), Err(Denied::NoToken), "{none}");
        }
        assert_eq!(guard.check(&HeaderMap::new()), Err(Denied::NoToken));
    }
}
