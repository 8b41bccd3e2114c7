//! `OwnedKey`: an idempotency key with its owner. It derives the values that are stored in place of the key (RFC 5869).
//!
//! The database has an id, with which the row is found, a fingerprint of the request, and the encrypted answer. Each is derived with the
//! idempotency key, so a copy of the database tells neither keys nor answers, as long as keys are random.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::seal::AnswerSeal;
use crate::calls::request::CallRequest;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};
use crate::tools::ToolName;

/// Characters of an idempotency key.
const MAX_CHARS: usize = 255;

/// Separates these keys from any others that are derived from the same text.
const SALT: &[u8] = b"platools gateway: calls under idempotency keys, 1";

/// An idempotency key with its owner. `Debug` shows neither.
#[derive(Clone)]
pub(super) struct OwnedKey {
    project: ProjectId,
    id: String,
    keys: Hkdf<Sha256>,
}

impl OwnedKey {
    /// Checks an idempotency key and derives what is stored.
    ///
    /// The owner is the user and the agent that the caller speaks for, in its project, and not the credential: a key that is rotated
    /// or a token that is refreshed between two tries is the same owner.
    pub(super) fn new(caller: &Caller, key: &str) -> Result<Self, Error> {
        if key.is_empty() || key.chars().nth(MAX_CHARS).is_some() || key.chars().any(char::is_control) {
            let message = "the idempotency key must have from 1 to 255 characters, and no control characters";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let agent = caller.agent_id.as_ref().map(AgentId::as_str);
        let owned = serde_json::to_vec(&(caller.project_id.as_str(), &caller.user_id, agent, key));
        let keys = Hkdf::new(Some(SALT), &owned.expect("strings serialize"));
        let id = hex::encode(derive(&keys, "id"));
        Ok(Self { project: caller.project_id.clone(), id, keys })
    }

    pub(super) fn project(&self) -> &ProjectId {
        &self.project
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Tells one request from another, whenever and however patiently it is made, and by whose rights: an answer is given again only
    /// to a caller that the tool cannot tell from the first.
    pub(super) fn fingerprint(&self, caller: &Caller, CallRequest { tool, arguments, .. }: &CallRequest) -> String {
        let ToolName { name, entity, environment } = tool;
        let mut roles: Vec<_> = caller.tool_roles.iter().collect();
        roles.sort_unstable();
        // They decide which environment is meant when none is named.
        let mut reached: Option<Vec<_>> =
            caller.environments.as_ref().map(|ids| ids.iter().map(EnvironmentId::as_str).collect());
        reached.iter_mut().for_each(|ids| ids.sort_unstable());
        let parts = (name, entity, environment, arguments.as_str(), caller.role.as_str(), roles, reached);
        let mut mac = Hmac::<Sha256>::new_from_slice(&derive(&self.keys, "fingerprint")).expect("any length is a key");
        mac.update(&serde_json::to_vec(&parts).expect("strings serialize"));
        hex::encode(mac.finalize().into_bytes())
    }

    /// The seal of the answers under this key.
    pub(super) fn seal(&self) -> AnswerSeal {
        AnswerSeal::new(derive(&self.keys, "seal"))
    }
}

impl fmt::Debug for OwnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedKey").finish_non_exhaustive()
    }
}

fn derive(keys: &Hkdf<Sha256>, purpose: &str) -> [u8; 32] {
    let mut derived = [0; 32];
    keys.expand(purpose.as_bytes(), &mut derived).expect("32 bytes are as many as one hash has");
    derived
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use std::time::Duration;

    use super::*;
    use crate::arguments::Arguments;
    use crate::domain::identity::{Credential, Role};

    fn request(arguments: &str) -> CallRequest {
        let raw: &RawValue = serde_json::from_str(arguments).unwrap();
        let tool = ToolName { name: "count".to_owned(), entity: None, environment: None };
        CallRequest::new(tool, Arguments::parse(raw).unwrap(), Duration::from_secs(1))
    }

    fn name(caller: &Caller, name: &str) -> OwnedKey {
        OwnedKey::new(caller, name).unwrap()
    }

    #[test]
    fn an_answer_is_read_by_nobody_without_the_key() {
        let caller = Caller::sample("key_1");
        let (own, other) = (name(&caller, "k-1"), name(&caller, "k-2"));
        let sealed = own.seal().seal("print", "hunter2");
        assert_eq!(own.seal().open("print", &sealed).as_deref(), Some("hunter2"));
        assert_eq!(other.seal().open("print", &sealed), None);
        let derived = format!("{} {} {own:?}", own.id(), own.fingerprint(&caller, &request("{}")));
        assert!(!derived.contains("k-1") && !derived.contains("count"), "{derived}");
    }

    #[test]
    fn the_owner_is_whom_the_caller_speaks_for_and_not_its_credential() {
        let caller = |key: &str, user: Option<&str>, agent: Option<&str>| Caller {
            user_id: user.map(str::to_owned),
            agent_id: agent.map(Into::into),
            ..Caller::sample(key)
        };
        let token =
            Credential::Token { id: "1".to_owned(), expires_ms: 1, signed_by: String::new(), parents: Vec::new() };
        let first = name(&caller("key_1", Some("u-1"), None), "k");
        for same in [caller("key_2", Some("u-1"), None), Caller { credential: token, ..caller("", Some("u-1"), None) }]
        {
            assert_eq!(name(&same, "k").id(), first.id());
        }
        let project = Caller { project_id: "prj_other".into(), ..caller("key_1", Some("u-1"), None) };
        for other in [
            caller("key_1", Some("u-2"), None),
            caller("key_1", None, None),
            caller("key_1", None, Some("u-1")),
            project,
        ] {
            assert_ne!(name(&other, "k").id(), first.id());
        }
    }

    #[test]
    fn a_caller_with_other_rights_makes_another_request() {
        let roles = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
        let caller = Caller { tool_roles: roles(&["a", "b"]), ..Caller::sample("key_1") };
        let own = name(&caller, "k");
        let print = |caller: &Caller, arguments: &str| own.fingerprint(caller, &request(arguments));
        let first = print(&caller, "{}");
        assert_eq!(print(&Caller { tool_roles: roles(&["b", "a"]), ..Caller::sample("key_2") }, "{}"), first);
        assert_ne!(print(&caller, r#"{"n":1}"#), first);
        assert_ne!(print(&Caller { role: Role::Admin, ..caller.clone() }, "{}"), first);
        let confined = |ids: &[&str]| {
            let environments = Some(ids.iter().map(|id| (*id).into()).collect());
            Caller { environments, ..caller.clone() }
        };
        assert_ne!(print(&confined(&["env_1"]), "{}"), first);
        assert_ne!(print(&confined(&["env_1"]), "{}"), print(&confined(&["env_2"]), "{}"));
        assert_eq!(print(&confined(&["env_1", "env_2"]), "{}"), print(&confined(&["env_2", "env_1"]), "{}"));
        assert_ne!(print(&Caller { tool_roles: roles(&["a"]), ..caller }, "{}"), first);
    }

    #[test]
    fn a_malformed_key_is_refused() {
        let caller = Caller::sample("key_1");
        let (longest, long) = ("k".repeat(255), "k".repeat(256));
        assert!(OwnedKey::new(&caller, &longest).is_ok());
        for malformed in ["", &*long, "a\0", "a\nb"] {
            assert_eq!(
                OwnedKey::new(&caller, malformed).unwrap_err().kind(),
                ErrorKind::InvalidRequest,
                "{malformed:?}"
            );
        }
    }
}
