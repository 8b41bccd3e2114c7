//! [`TestStore`]: a conformance suite for the ports of the store. Each test is written against the traits and runs over every database.

mod agents;
mod audit;
mod catalog;
mod channels;
mod conversations;
mod directory;
mod entities;
mod idempotency;
mod journal;
mod keys;
mod tokens;

use std::ops::Deref;

use crate::domain::agent::Agent;
use crate::domain::entity::{Entity, EntitySecret};
use crate::domain::ids::{AgentId, EntityId, ProjectId};
use crate::ports::store::Storage;
use crate::store::SqlStore;
use crate::store::sql::dynamic;

/// An empty store of one test, with the project that every gateway has.
struct TestStore {
    store: SqlStore,
    project: ProjectId,
    /// The folder of a file.
    _folder: Option<tempfile::TempDir>,
}

impl TestStore {
    /// A store on SQLite.
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::over(SqlStore::open(folder.path()).await.unwrap(), Some(folder)).await
    }

    /// A store on PostgreSQL.
    #[cfg(feature = "postgres-tests")]
    async fn postgres() -> Self {
        let server = crate::store::postgres::tests::test_server().await;
        Self::over(SqlStore::connect(&server).await.unwrap(), None).await
    }

    async fn over(store: SqlStore, folder: Option<tempfile::TempDir>) -> Self {
        let project = (&store as &dyn Storage).default_project().await.unwrap();
        Self { store, project, _folder: folder }
    }

    /// Runs a statement of SQL that every database understands.
    async fn execute(&self, sql: &str) {
        dynamic(sql).execute(self.store.writes.connections()).await.unwrap();
    }

    /// The integers in the one row of a query that every database understands.
    async fn numbers(&self, sql: &str) -> Vec<i64> {
        let row = dynamic(sql).fetch_one(&self.store.reads).await.unwrap();
        (0..row.len()).map(|column| row.get(column)).collect()
    }

    /// The items and bytes that are recorded as a project's usage of a kind.
    async fn usage(&self, kind: &str) -> Vec<i64> {
        self.numbers(&format!(
            "SELECT CAST(COALESCE(SUM(items), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) \
             FROM project_usage WHERE kind = '{kind}'"
        ))
        .await
    }

    /// Adds an agent.
    async fn agent(&self, slug: &str) -> AgentId {
        let agent = Agent::sample(&self.project, slug);
        assert!(self.add_agent(&agent, 10).await.unwrap());
        agent.id
    }

    /// Adds an entity.
    async fn entity(&self, slug: &str) -> EntityId {
        let (entity, secret) = entity(&self.project, slug);
        assert!(self.add_entity(&entity, &secret, 10).await.unwrap());
        entity.id
    }
}

impl Deref for TestStore {
    type Target = dyn Storage;

    fn deref(&self) -> &Self::Target {
        &self.store
    }
}

/// An entity with its first secret.
fn entity(project: &ProjectId, slug: &str) -> (Entity, EntitySecret) {
    let entity = Entity { created_ms: 17, ..Entity::sample(project, slug) };
    let secret = EntitySecret::sample(&entity.id);
    (entity, secret)
}

/// Runs tests over every database.
macro_rules! conformance {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($crate::store::conformance::TestStore::sqlite().await).await;
                }
            )*
        }

        #[cfg(feature = "postgres-tests")]
        mod postgres {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($crate::store::conformance::TestStore::postgres().await).await;
                }
            )*
        }
    };
}

use conformance;
