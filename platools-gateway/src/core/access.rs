//! Who may call which tool.

use platools::wire::ToolDeclaration;

use super::error::{Error, ErrorKind};
use super::identity::{Caller, Role};

/// Refuses a caller that may call tools, but not this one.
///
/// A tool asks for a user, or for an admin, and for one of some roles; a caller's own role counts among its roles.
pub(crate) fn check(caller: &Caller, tool: &ToolDeclaration) -> Result<(), Error> {
    match tool.auth.as_str() {
        "admin" if caller.role < Role::Admin => {
            return Err(forbidden("this tool is for admins; call it with an admin's key or token"));
        }
        "user" if caller.user_id.is_none() => {
            return Err(forbidden("this tool is called on behalf of a user; call it with a token that has a `userId`"));
        }
        _ => {}
    }
    let has = |role: &String| caller.tool_roles.contains(role) || caller.role.as_str() == role;
    if tool.roles.is_empty() || tool.roles.iter().any(has) {
        return Ok(());
    }
    Err(forbidden(format!("this tool needs one of the roles {}; the key or token has none", tool.roles.join(", "))))
}

fn forbidden(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Forbidden, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller(role: Role, user: Option<&str>, roles: &[&str]) -> Caller {
        Caller {
            role,
            tool_roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            user_id: user.map(str::to_owned),
            ..Caller::sample("key_1")
        }
    }

    fn tool(auth: &str, roles: &[&str]) -> ToolDeclaration {
        let mut tool = ToolDeclaration::new("t", "", json!({"type": "object"}));
        auth.clone_into(&mut tool.auth);
        tool.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        tool
    }

    #[test]
    fn a_tool_gets_the_callers_it_asks_for() {
        use Role::{Admin, Operator};
        for (auth, roles, role, user, caller_roles, may) in [
            ("none", &[][..], Operator, None, &[][..], true),
            ("user", &[], Operator, None, &[], false),
            ("user", &[], Admin, None, &[], false),
            ("user", &[], Operator, Some("u-1"), &[], true),
            ("admin", &[], Operator, Some("u-1"), &[], false),
            ("admin", &[], Admin, None, &[], true),
            ("none", &["support", "sales"], Operator, None, &["sales"], true),
            ("none", &["support", "sales"], Operator, None, &["Sales"], false),
            ("none", &["support"], Admin, None, &[], false),
            ("none", &["admin", "support"], Admin, None, &[], true),
            ("user", &["support"], Operator, Some("u-1"), &[], false),
        ] {
            let allowed = check(&caller(role, user, caller_roles), &tool(auth, roles)).is_ok();
            assert_eq!(allowed, may, "{auth} {roles:?} called by {role} {user:?} {caller_roles:?}");
        }
    }
}
