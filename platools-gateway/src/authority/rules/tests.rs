//! Tests of `authorize` and of the filters of lists.

use serde_json::json;

use super::*;
use crate::authority::ConversationScope;
use crate::domain::call::CallScope;
use crate::domain::identity::Role::{Admin, Operator, Viewer};

fn caller(role: Role, user: Option<&str>, agent: Option<&str>) -> Caller {
    Caller { role, user_id: user.map(str::to_owned), agent_id: agent.map(Into::into), ..Caller::sample("key_1") }
}

fn tool(auth: &str, roles: &[&str]) -> ToolDeclaration {
    let mut tool = ToolDeclaration::new("t", "", json!({"type": "object"}));
    auth.clone_into(&mut tool.auth);
    tool.roles = roles.iter().map(|role| (*role).to_owned()).collect();
    tool
}

fn is_hidden(decision: Result<(), Denial>) -> bool {
    decision == Err(Denial::Hidden)
}

#[test]
fn each_action_has_a_lowest_role() {
    let project = ProjectId::from("prj");
    for (action, lowest) in [
        (Action::View, Viewer),
        (Action::Watch, Viewer),
        (Action::Call, Operator),
        (Action::Cancel, Operator),
        (Action::Chat, Operator),
        (Action::Change, Operator),
        (Action::Tell, Operator),
        (Action::Administer, Admin),
    ] {
        for role in [Viewer, Operator, Admin] {
            let decision = authorize(&caller(role, None, None), action, Resource::Project(&project));
            let expected = if role >= lowest { Ok(()) } else { Err(Denial::Role { needed: lowest, present: role }) };
            assert_eq!(decision, expected, "{action:?} as {role}");
        }
    }
}

#[test]
fn nothing_of_another_project_shows() {
    let (other, environment, agent) = ("prj_other".into(), "env".into(), "agt_1".into());
    for role in [Viewer, Operator, Admin] {
        let caller = caller(role, None, None);
        let call = Resource::Call { project: &other, environment: &environment, user: None, agent: None };
        let conversation = Resource::Conversation { project: &other, user: "u-1" };
        let agent = Resource::Agent { project: &other, agent: &agent, owner: None };
        for resource in [Resource::Project(&other), Resource::Operations(&other), call, conversation, agent] {
            assert!(is_hidden(authorize(&caller, Action::View, resource)), "{resource:?} as {role}");
        }
        assert!(is_hidden(authorize(&caller, Action::Watch, agent)), "watching as {role}");
    }
}

#[test]
fn events_are_told_on_behalf_of_the_project_only() {
    let (own, other) = (caller(Operator, None, None).project_id, ProjectId::from("prj_other"));
    for (role, user, agent, may) in [
        (Operator, None, None, true),
        (Operator, Some("u-1"), None, false),
        (Operator, None, Some("agt_1"), false),
        (Admin, Some("u-1"), Some("agt_1"), true),
    ] {
        let decision = authorize(&caller(role, user, agent), Action::Tell, Resource::Project(&own));
        assert_eq!(decision.is_ok(), may, "{role} {user:?} {agent:?}: {decision:?}");
    }
    assert!(is_hidden(authorize(&caller(Admin, None, None), Action::Tell, Resource::Project(&other))));
}

#[test]
fn a_tool_gets_the_callers_it_asks_for() {
    for (auth, roles, role, user, caller_roles, may) in [
        ("none", &[][..], Operator, None, &[][..], true),
        ("none", &[], Viewer, None, &[], false),
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
        let mut caller = caller(role, user, None);
        caller.tool_roles = caller_roles.iter().map(|role| (*role).to_owned()).collect();
        let (environment, declaration) = ("env".into(), tool(auth, roles));
        let resource = Resource::Tool { environment: &environment, declaration: &declaration };
        let label = format!("{auth} {roles:?} called by {role} {user:?} {caller_roles:?}");
        assert_eq!(authorize(&caller, Action::Call, resource).is_ok(), may, "{label}");
        let sees = authorize(&caller, Action::View, resource);
        if user.is_some() && role < Admin {
            assert_eq!(sees.is_ok(), may, "a user sees what it may call: {label}");
            assert!(may || is_hidden(sees), "{label}");
        } else {
            assert_eq!(sees, Ok(()), "the project's own people see every tool: {label}");
        }
    }
}

#[test]
fn a_credential_for_some_environments_sees_nothing_in_others() {
    let (production, staging) = (EnvironmentId::from("env_production"), EnvironmentId::from("env_staging"));
    let declaration = tool("none", &[]);
    for role in [Operator, Admin] {
        let caller = Caller { environments: Some(vec![staging.clone()]), ..caller(role, None, None) };
        for (environment, may) in [(&staging, true), (&production, false)] {
            let call = Resource::Call { project: &caller.project_id, environment, user: None, agent: None };
            let tool = Resource::Tool { environment, declaration: &declaration };
            for (action, resource) in [
                (Action::View, Resource::Environment(environment)),
                (Action::View, tool),
                (Action::Call, tool),
                (Action::Watch, tool),
                (Action::View, call),
                (Action::Cancel, call),
                (Action::Watch, call),
            ] {
                let decision = authorize(&caller, action, resource);
                let expected = if may { Ok(()) } else { Err(Denial::Hidden) };
                assert_eq!(decision, expected, "{action:?} {resource:?} as {role}");
            }
        }
    }
}

#[test]
fn a_credential_for_some_environments_changes_nothing_that_concerns_all() {
    for (environments, may) in [(None, true), (Some(vec!["env".into()]), false), (Some(Vec::new()), false)] {
        let caller = Caller { environments, ..caller(Admin, None, None) };
        let project = Resource::WholeProject(&caller.project_id);
        assert_eq!(authorize(&caller, Action::Administer, project).is_ok(), may, "{:?}", caller.environments);
        let gateway = Resource::Gateway(&caller.project_id);
        assert_eq!(authorize(&caller, Action::Administer, gateway).is_ok(), may, "{:?}", caller.environments);
    }
}

#[test]
fn owners_the_agents_own_tokens_and_admins_of_the_project_may_watch() {
    for (owner, user, token_of, role, project, may) in [
        (Some("u-1"), Some("u-1"), None, Viewer, "prj", true),
        (Some("u-1"), Some("u-2"), None, Operator, "prj", false),
        (Some("u-1"), None, None, Operator, "prj", false),
        (None, None, None, Operator, "prj", false),
        (None, Some("u-1"), None, Operator, "prj", false),
        (Some("u-1"), Some("u-2"), Some("agt_1"), Viewer, "prj", true),
        (Some("u-1"), None, Some("agt_2"), Viewer, "prj", false),
        (None, None, None, Admin, "prj", true),
        (Some("u-1"), Some("u-1"), None, Admin, "other", false),
    ] {
        let caller = Caller { project_id: project.into(), ..caller(role, user, token_of) };
        let (project, agent) = ("prj".into(), "agt_1".into());
        let watched = Resource::Agent { project: &project, agent: &agent, owner };
        let decision = authorize(&caller, Action::Watch, watched);
        assert_eq!(decision.is_ok(), may, "{owner:?} {user:?} {token_of:?} {role} {}", caller.project_id);
    }
}

#[test]
fn channels_are_administered_by_the_agent_that_made_them_and_by_admins() {
    let (project, creator) = (caller(Admin, None, None).project_id, "agt_1".into());
    for (role, agent, may) in [
        (Admin, None, true),
        (Admin, Some("agt_2"), true),
        (Operator, Some("agt_1"), true),
        (Operator, Some("agt_2"), false),
        (Operator, None, false),
        (Viewer, Some("agt_1"), false),
    ] {
        let channel = Resource::Channel { project: &project, creator: Some(&creator) };
        let decision = authorize(&caller(role, None, agent), Action::Administer, channel);
        assert_eq!(decision.is_ok(), may, "{role} {agent:?}: {decision:?}");
    }
    let nobodys = Resource::Channel { project: &project, creator: None };
    assert!(authorize(&caller(Operator, None, None), Action::Administer, nobodys).is_err());
    let elsewhere = Resource::Channel { project: &"prj_other".into(), creator: None };
    assert!(is_hidden(authorize(&caller(Admin, None, None), Action::Administer, elsewhere)));
}

#[test]
fn channels_are_read_by_agents_and_admins() {
    let (own, other) = (caller(Operator, None, None).project_id, ProjectId::from("prj_other"));
    for (role, agent, may) in [
        (Viewer, Some("agt_1"), true),
        (Viewer, None, false),
        (Operator, None, false),
        (Admin, None, true),
        (Admin, Some("agt_1"), true),
    ] {
        let caller = caller(role, None, agent);
        assert_eq!(authorize(&caller, Action::View, Resource::Channels(&own)).is_ok(), may, "{role} {agent:?}");
        assert!(authorize(&caller, Action::View, Resource::Channels(&other)).is_err(), "{role} {agent:?} elsewhere");
    }
}

#[test]
fn a_dashboard_shows_an_owner_no_call_that_its_agent_made_for_somebody_else() {
    let (environment, agent) = ("env".into(), "agt_1".into());
    for (role, watcher, user, shows) in [
        (Viewer, Some("u-1"), Some("u-1"), true),
        (Viewer, Some("u-1"), None, true),
        (Operator, Some("u-1"), Some("u-2"), false),
        (Admin, Some("u-1"), Some("u-2"), true),
        (Viewer, None, Some("u-2"), true),
    ] {
        let caller = caller(role, watcher, None);
        let call = Resource::Call { project: &caller.project_id, environment: &environment, user, agent: Some(&agent) };
        assert_eq!(authorize(&caller, Action::Watch, call).is_ok(), shows, "{role} {watcher:?} {user:?}");
    }
}

#[test]
fn only_credentials_of_the_project_itself_see_its_workers_and_metrics() {
    for (role, user, agent, may) in [
        (Viewer, None, None, true),
        (Viewer, Some("u-1"), None, false),
        (Operator, None, Some("agt_1"), false),
        (Admin, Some("u-1"), None, true),
    ] {
        let caller = caller(role, user, agent);
        let decision = authorize(&caller, Action::View, Resource::Operations(&caller.project_id));
        assert_eq!(decision.is_ok(), may, "{role} {user:?} {agent:?}");
    }
}

/// Lists and single looks agree: a row passes the filter if and only if the caller may see it on its own.
#[test]
fn the_filters_of_lists_say_the_same_as_single_decisions() {
    let names = [None, Some("a"), Some("b")];
    let environments = [EnvironmentId::from("env_a"), EnvironmentId::from("env_b")];
    for role in [Viewer, Operator, Admin] {
        for (user, agent) in names.into_iter().flat_map(|user| names.map(|agent| (user, agent))) {
            for reach in [None, Some(vec![environments[0].clone()])] {
                let caller = Caller { environments: reach, ..caller(role, user, agent) };
                agree_on_calls(&caller, &environments, names);
                agree_on_conversations(&caller);
            }
        }
    }
}

fn agree_on_calls(caller: &Caller, environments: &[EnvironmentId], names: [Option<&str>; 3]) {
    let scope = CallScope::of(caller);
    for environment in environments {
        for (user, agent) in names.into_iter().flat_map(|user| names.map(|agent| (user, agent.map(AgentId::from)))) {
            let listed = scope.user.as_deref().is_none_or(|only| user == Some(only))
                && scope.agent.as_ref().is_none_or(|only| agent.as_ref() == Some(only))
                && scope.environments.as_ref().is_none_or(|only| only.contains(environment));
            let project = &caller.project_id;
            let call = Resource::Call { project, environment, user, agent: agent.as_ref() };
            let sees = authorize(caller, Action::View, call).is_ok();
            assert_eq!(listed, sees, "{caller:?} {call:?}");
        }
    }
}

fn agree_on_conversations(caller: &Caller) {
    for user in ["a", "b"] {
        let listed = match ConversationScope::of(caller) {
            ConversationScope::All => true,
            ConversationScope::User(own) => own == user,
            ConversationScope::Nothing => false,
        };
        let conversation = Resource::Conversation { project: &caller.project_id, user };
        assert_eq!(listed, authorize(caller, Action::View, conversation).is_ok(), "{caller:?} {user}");
    }
}
