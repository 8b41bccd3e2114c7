//! [`check_address`] and [`check_slug`]: no two agents of a project go by the same address, whether it was given to them or is their slug.

use sqlx::{Row as _, SqliteConnection};

use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::AgentId;

/// Refuses an address that is another agent's address or slug, in upper or lower case where it was given.
///
/// # Errors
/// It is another agent's, or the database failed.
pub(super) async fn check_address(
    change: &mut SqliteConnection,
    project: &str,
    agent: &AgentId,
    address: &str,
) -> Result<(), Error> {
    let query = sqlx::query(
        "SELECT slug FROM agents WHERE project_id = $1 AND id <> $2 AND (lower(address) = lower($3) OR slug = $3) LIMIT 1",
    );
    let query = query.bind(project).bind(agent.as_str()).bind(address);
    let Some(row) = query.fetch_optional(change).await? else { return Ok(()) };
    let message =
        format!("the agent `{}` has the address `{address}` already; choose another one", row.get::<String, _>("slug"));
    Err(Error::new(ErrorKind::AlreadyExists, message))
}

/// Refuses a slug that is another agent's address: it would be this agent's, too.
///
/// # Errors
/// It is another agent's, or the database failed.
pub(super) async fn check_slug(change: &mut SqliteConnection, project: &str, slug: &str) -> Result<(), Error> {
    let query = sqlx::query("SELECT slug FROM agents WHERE project_id = $1 AND lower(address) = lower($2) LIMIT 1");
    let Some(row) = query.bind(project).bind(slug).fetch_optional(change).await? else { return Ok(()) };
    let message =
        format!("`{slug}` is the address of the agent `{}`; choose another slug", row.get::<String, _>("slug"));
    Err(Error::new(ErrorKind::AlreadyExists, message))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::admin::AgentChange;
    use crate::domain::error::ErrorKind;
    use crate::domain::ids::AgentId;
    use crate::store::{AgentRow, Store};

    async fn agent(store: &Store, slug: &str, address: Option<&str>) -> AgentRow {
        AgentRow {
            id: AgentId::random(),
            project_id: store.default_project().await.unwrap(),
            slug: slug.to_owned(),
            title: Some(slug.to_uppercase()),
            address: address.map(str::to_owned),
            profile: Arc::default(),
            owner: None,
            created_ms: 0,
        }
    }

    fn address(address: &str) -> AgentChange {
        AgentChange { address: Some(address.to_owned()), ..AgentChange::default() }
    }

    #[tokio::test]
    async fn an_address_belongs_to_one_agent_of_a_project() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let (one, other) = (agent(&store, "one", Some("0xAb")).await, agent(&store, "other", None).await);
        for row in [&one, &other] {
            assert!(store.add_agent(row, 10).await.unwrap());
        }
        for taken in ["0xaB", "other", "one"] {
            let refused = store.add_agent(&agent(&store, "third", Some(taken)).await, 10).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{taken}");
        }
        let refused = store.add_agent(&agent(&store, "0xab", None).await, 10).await.unwrap_err();
        assert!(refused.to_string().contains("the address of the agent `one`"), "{refused}");
        let refused = store.change_agent(&other.id, &address("0xAB")).await.unwrap_err();
        assert!(refused.to_string().contains("the agent `one` has the address `0xAB`"), "{refused}");
        // Its own is no other's, and one that was given up is free.
        store.change_agent(&one.id, &address("0xAB")).await.unwrap();
        store.change_agent(&one.id, &address("one")).await.unwrap();
        store.change_agent(&one.id, &address("")).await.unwrap();
        store.change_agent(&other.id, &address("0xab")).await.unwrap();
        let rows = store.directory().await.unwrap().agents;
        let shown: Vec<_> = rows.iter().map(|row| (&*row.slug, row.title.as_deref(), row.address.as_deref())).collect();
        assert_eq!(shown, [("one", Some("ONE"), None), ("other", Some("OTHER"), Some("0xab"))]);
        store.close().await;
    }
}
