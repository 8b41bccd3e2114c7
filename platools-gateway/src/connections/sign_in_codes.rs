//! [`SignInCodes`]: codes that sign a browser in once, with the rights of a key or token. A program prints them as links.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret as _, SecretString};

use crate::authority::secret::{self, SecretKind};
use crate::directory::Directory;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::ports::time::now_ms;

/// Codes that sign a browser in. A code works once, and another one takes its place.
///
/// A code stays valid until it is used or the gateway ends. The one who reads it reads the key on the same screen, so an earlier end would
/// protect nothing. A used link, on the other hand, stays in the history of a browser.
#[derive(Debug)]
pub(crate) struct SignInCodes {
    directory: Arc<Directory>,
    /// By the hash of the code. There are as many as the program asked for.
    codes: Mutex<HashMap<String, SignInCode>>,
}

/// A code that was not used yet.
struct SignInCode {
    caller: Caller,
    announce: Announce,
}

/// Tells the user of the program a code.
type Announce = Arc<dyn Fn(&SecretString) + Send + Sync>;

impl fmt::Debug for SignInCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInCode").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl SignInCodes {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { directory, codes: Mutex::default() }
    }

    /// Makes a code for a caller and announces it, and each code that takes the place of a used one.
    pub(crate) fn issue(&self, caller: Caller, announce: Arc<dyn Fn(&SecretString) + Send + Sync>) {
        let code = secret::generate(SecretKind::SignInCode);
        let of_code = SignInCode { caller, announce: Arc::clone(&announce) };
        lock(&self.codes).insert(secret::hash(code.expose_secret()), of_code);
        announce(&code);
    }

    /// The caller of a code, which nobody can use again.
    pub(crate) fn redeem(&self, code: &SecretString) -> Option<Caller> {
        let SignInCode { caller, announce } = lock(&self.codes).remove(&secret::hash(code.expose_secret()))?;
        if !self.directory.snapshot().may_stay(&caller, now_ms()) {
            return None;
        }
        self.issue(caller.clone(), announce);
        Some(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::NewKey;
    use crate::core::Core;
    use crate::domain::identity::{Credential, Role};
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_code_works_once_and_the_next_one_is_announced_until_its_key_ends() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let admin = core.local_admin();
        admin.add_key(NewKey::new(Role::Admin)).await.unwrap();
        let key = admin.add_key(NewKey::new(Role::Operator)).await.unwrap().secret;
        let caller = core.directory.authenticate_caller(&key).await.unwrap();
        let Credential::Key(id) = caller.credential.clone() else { panic!("a key") };
        let codes = SignInCodes::new(Arc::clone(&core.directory));
        let announced: Arc<Mutex<Vec<SecretString>>> = Arc::default();
        let sink = Arc::clone(&announced);
        codes.issue(caller, Arc::new(move |code| lock(&sink).push(code.clone())));
        let first = lock(&announced)[0].clone();
        assert_eq!(codes.redeem(&first).unwrap().credential, Credential::Key(id.clone()));
        assert!(codes.redeem(&first).is_none());
        assert_eq!(lock(&announced).len(), 2);
        assert!(codes.redeem(&"plt_code_1".to_owned().into()).is_none());
        admin.revoke_key(id.as_str()).await.unwrap();
        let second = lock(&announced)[1].clone();
        assert!(codes.redeem(&second).is_none());
        assert!(!format!("{codes:?}").contains(second.expose_secret()));
    }
}
