//! [`speaking_for`]: lets a caller act for the user that a request names, if the key or token of the caller allows it.

use super::denial::Denial;
use crate::domain::identity::{Caller, SpeaksFor};

/// The caller, speaking for `user` if its key or token may do so.
///
/// A credential that speaks for nobody leaves the caller without a user: clients of some protocols have to name one, and a name alone
/// opens nothing.
///
/// # Errors
/// The token is another user's, or the credential lists its users and this is none of them.
pub(crate) fn speaking_for(caller: Caller, user: &str) -> Result<Caller, Denial> {
    if let Some(own) = &caller.user_id {
        let message = "this token speaks for another user; name that user, or none";
        return if own == user { Ok(caller) } else { Err(Denial::Forbidden(message.to_owned())) };
    }
    match &caller.speaks_for {
        SpeaksFor::Nobody => Ok(caller),
        speaks_for if speaks_for.includes(user) => Ok(Caller { user_id: Some(user.to_owned()), ..caller }),
        _ => {
            let message = "this key or token may not speak for that user; an admin says for whom it may";
            Err(Denial::Forbidden(message.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(own: Option<&str>, speaks_for: SpeaksFor) -> Caller {
        Caller { user_id: own.map(str::to_owned), speaks_for, ..Caller::sample("key_1") }
    }

    #[test]
    fn a_credential_speaks_for_the_users_it_says_and_no_others() {
        let listed = || SpeaksFor::Users(vec!["u-1".to_owned(), "u-2".to_owned()]);
        for (own, speaks_for, user, expected) in [
            (None, SpeaksFor::Anybody, "u-1", Ok(Some("u-1"))),
            (None, SpeaksFor::Nobody, "u-1", Ok(None)),
            (None, listed(), "u-2", Ok(Some("u-2"))),
            (None, listed(), "u-3", Err(())),
            (Some("u-1"), SpeaksFor::Nobody, "u-1", Ok(Some("u-1"))),
            (Some("u-1"), SpeaksFor::Nobody, "u-2", Err(())),
            (Some("u-1"), SpeaksFor::Anybody, "u-2", Err(())),
        ] {
            let label = format!("{own:?} {speaks_for:?} {user}");
            let spoken = speaking_for(caller(own, speaks_for), user).map(|caller| caller.user_id).map_err(drop);
            assert_eq!(spoken, expected.map(|user| user.map(str::to_owned)), "{label}");
        }
    }
}
