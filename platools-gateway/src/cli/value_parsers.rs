//! Functions that parse the values of flags, such as a role, a policy or a time.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use platools_gateway::Role;
use platools_gateway::audit::AuditKind;
use platools_gateway::domain::agent_profile::AgentKind;
use platools_gateway::domain::identity::{Policy, SpeaksFor};
use platools_gateway::ports::time::from_rfc3339;

/// Parses a caller's role.
pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    one_of([Role::Viewer, Role::Operator, Role::Admin].map(Role::as_str), Role::from_name)
}

/// Parses the policy of an entity.
pub(super) fn policy() -> impl TypedValueParser<Value = Policy> {
    one_of([Policy::Supersede, Policy::Pool].map(Policy::as_str), Policy::from_name)
}

/// Parses the users that a key or token may speak for.
pub(super) fn speaks_for(text: &str) -> Result<SpeaksFor, &'static str> {
    match text {
        "anybody" => Ok(SpeaksFor::Anybody),
        "nobody" => Ok(SpeaksFor::Nobody),
        users if users.split(',').all(|user| !user.trim().is_empty()) => {
            Ok(SpeaksFor::Users(users.split(',').map(|user| user.trim().to_owned()).collect()))
        }
        _ => Err("it takes anybody, nobody, or the ids of users with commas between them"),
    }
}

/// Parses the kind of an agent.
pub(super) fn kind() -> impl TypedValueParser<Value = AgentKind> {
    one_of([AgentKind::Command, AgentKind::Model].map(AgentKind::as_str), AgentKind::from_name)
}

/// Parses the kind of an audit event.
pub(super) fn audit_kind() -> impl TypedValueParser<Value = AuditKind> {
    let kinds = [AuditKind::Change, AuditKind::SignIn, AuditKind::Refusal];
    one_of(kinds.map(AuditKind::as_str), AuditKind::from_name)
}

/// Parses a time, as milliseconds since 1970.
pub(super) fn time(text: &str) -> Result<i64, &'static str> {
    from_rfc3339(text).ok_or("it takes a time in RFC 3339, such as 2026-09-15T00:00:00Z")
}

fn one_of<T, const N: usize>(words: [&'static str; N], find: fn(&str) -> Option<T>) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).map(move |word| find(&word).expect("clap takes only the words there are"))
}
