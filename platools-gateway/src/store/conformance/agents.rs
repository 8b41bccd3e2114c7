//! Tests of [`AgentStore`](crate::ports::directory::AgentStore).

use super::{TestStore, conformance};
use crate::domain::agent::{Agent, AgentChange};
use crate::domain::agent_profile::{MemberChange, Profile, ProfileChange};
use crate::domain::error::ErrorKind;

fn named(store: &TestStore, slug: &str, address: Option<&str>) -> Agent {
    Agent {
        title: Some(slug.to_uppercase()),
        address: address.map(str::to_owned),
        ..Agent::sample(&store.project, slug)
    }
}

fn address(address: &str) -> AgentChange {
    AgentChange { address: Some(address.to_owned()), ..AgentChange::default() }
}

async fn an_address_belongs_to_one_agent_of_a_project(store: TestStore) {
    let (one, other) = (named(&store, "one", Some("0xAb")), named(&store, "other", None));
    for row in [&one, &other] {
        assert!(store.add_agent(row, 10).await.unwrap());
    }
    for taken in ["0xaB", "other", "one"] {
        let refused = store.add_agent(&named(&store, "third", Some(taken)), 10).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{taken}");
    }
    let refused = store.add_agent(&named(&store, "0xab", None), 10).await.unwrap_err();
    assert!(refused.to_string().contains("the address of the agent `one`"), "{refused}");
    let refused = store.change_agent(&other.id, &address("0xAB")).await.unwrap_err();
    assert!(refused.to_string().contains("the agent `one` has the address `0xAB`"), "{refused}");
    // An agent may keep its own address, and an address that was given back is free.
    store.change_agent(&one.id, &address("0xAB")).await.unwrap();
    store.change_agent(&one.id, &address("one")).await.unwrap();
    store.change_agent(&one.id, &address("")).await.unwrap();
    store.change_agent(&other.id, &address("0xab")).await.unwrap();
    let rows = store.directory().await.unwrap().agents;
    let shown: Vec<_> = rows.iter().map(|row| (&*row.slug, row.title.as_deref(), row.address.as_deref())).collect();
    assert_eq!(shown, [("one", Some("ONE"), None), ("other", Some("OTHER"), Some("0xab"))]);
}

async fn a_member_that_a_change_does_not_name_stays(store: TestStore) {
    let id = store.agent("helper").await;
    let other = Profile { model: Some("large".to_owned()), ..Profile::default() };
    store.change_agent(&id, &other.clone().into()).await.unwrap();
    for (owner, kept) in [("u-1", Some("u-1")), ("", None)] {
        let change = AgentChange { owner: Some(owner.to_owned()), ..AgentChange::default() };
        store.change_agent(&id, &change).await.unwrap();
        let agent = &store.directory().await.unwrap().agents[0];
        assert_eq!((&*agent.profile, agent.owner.as_deref()), (&other, kept));
    }
    // The second change was made by a program that knows nothing of the first.
    let system_prompt = MemberChange::To("Be brief.".to_owned());
    let change = ProfileChange { system_prompt, ..ProfileChange::default() };
    store.change_agent(&id, &AgentChange { profile: change, ..AgentChange::default() }).await.unwrap();
    let both = Profile { system_prompt: Some("Be brief.".to_owned()), ..other };
    assert_eq!(*store.directory().await.unwrap().agents[0].profile, both);
}

conformance!(an_address_belongs_to_one_agent_of_a_project, a_member_that_a_change_does_not_name_stays,);
