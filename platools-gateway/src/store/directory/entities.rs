//! Entities, their secrets, and what people see of them.

use sqlx::{Row as _, SqliteConnection};

use super::changes::Touched;
use super::room::{Kind, check_room};
use super::{EntityRow, SecretRow};
use crate::admin::EntityChange;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::{EntityId, SecretId};
use crate::ports::time::now_ms;
use crate::store::Store;

/// Secrets of one entity that are good for a grace time beside the current one.
const MAX_SECRETS: i64 = 16;

/// A secret that replaces those of an entity.
#[derive(Debug)]
pub(crate) struct NewSecret<'a> {
    pub(crate) entity_id: &'a EntityId,
    pub(crate) id: &'a SecretId,
    pub(crate) hash: &'a str,
    /// Until when the replaced ones are good.
    pub(crate) others_expire_ms: i64,
}

impl Store {
    /// Adds an entity with its first secret, unless the project has `limit` of them. Says whether its slug was free.
    pub(crate) async fn add_entity(&self, entity: &EntityRow, secret: &SecretRow, limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(Touched::Entity(&entity.id)).await?;
        check_room(&mut change, &entity.project_id, Kind::Entities, limit).await?;
        let added = sqlx::query(
            "INSERT INTO entities (id, project_id, slug, title, icon, policy, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(entity.id.as_str())
        .bind(entity.project_id.as_str())
        .bind(&entity.slug)
        .bind(&entity.title)
        .bind(&entity.icon)
        .bind(&entity.policy)
        .bind(entity.created_ms)
        .execute(&mut *change)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        add_secret(&mut change, &secret.id, &secret.entity_id, &secret.hash).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Changes what people see of an entity, where something is said. What is not said is what it is in the database, which another
    /// process may have changed since the directory was read.
    pub(crate) async fn change_entity(&self, entity: &EntityId, said: &EntityChange) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Entity(entity)).await?;
        sqlx::query(
            "UPDATE entities SET title = NULLIF(COALESCE($2, title), ''), icon = NULLIF(COALESCE($3, icon), '') \
             WHERE id = $1",
        )
        .bind(entity.as_str())
        .bind(&said.title)
        .bind(&said.icon)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(())
    }

    /// Gives an entity another secret; those it has end, some time later if the new one says so.
    pub(crate) async fn rotate_secret(&self, new: &NewSecret<'_>) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Entity(new.entity_id)).await?;
        sqlx::query("DELETE FROM entity_secrets WHERE entity_id = $1 AND expires_ms <= $2")
            .bind(new.entity_id.as_str())
            .bind(now_ms())
            .execute(&mut *change)
            .await?;
        // One that ends earlier already keeps its end.
        sqlx::query(
            "UPDATE entity_secrets SET expires_ms = $2 \
             WHERE entity_id = $1 AND (expires_ms IS NULL OR expires_ms > $2)",
        )
        .bind(new.entity_id.as_str())
        .bind(new.others_expire_ms)
        .execute(&mut *change)
        .await?;
        let good =
            sqlx::query("SELECT COUNT(*) AS number FROM entity_secrets WHERE entity_id = $1 AND expires_ms > $2");
        let good = good.bind(new.entity_id.as_str()).bind(now_ms()).fetch_one(&mut *change).await?;
        if good.get::<i64, _>("number") > MAX_SECRETS {
            let message = format!(
                "{MAX_SECRETS} secrets of this entity are still good for their grace time; wait until one has ended, or rotate without \
                 a grace time, which ends all of them"
            );
            return Err(Error::new(ErrorKind::LimitReached, message));
        }
        add_secret(&mut change, new.id, new.entity_id, new.hash).await?;
        change.commit().await?;
        Ok(())
    }

    /// Removes an entity, its secrets and its tools.
    pub(crate) async fn remove_entity(&self, entity: &EntityId) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Entity(entity)).await?;
        sqlx::query("DELETE FROM entities WHERE id = $1").bind(entity.as_str()).execute(&mut *change).await?;
        change.commit().await?;
        Ok(())
    }
}

async fn add_secret(
    connection: &mut SqliteConnection,
    id: &SecretId,
    entity: &EntityId,
    hash: &str,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO entity_secrets (id, entity_id, hash, created_ms) VALUES ($1, $2, $3, $4)")
        .bind(id.as_str())
        .bind(entity.as_str())
        .bind(hash)
        .bind(now_ms())
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICON: &str = "https://a.example/1.png";

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// An entity with a title and an icon.
    async fn added(store: &Store) -> EntityRow {
        let entity = EntityRow {
            id: EntityId::random(),
            project_id: store.default_project().await.unwrap(),
            slug: "orders".to_owned(),
            title: text("Orders"),
            icon: text(ICON),
            policy: "pool".to_owned(),
            created_ms: 17,
        };
        let secret =
            SecretRow { id: SecretId::random(), entity_id: entity.id.clone(), hash: "0f".to_owned(), expires_ms: None };
        assert!(store.add_entity(&entity, &secret, 10).await.unwrap());
        entity
    }

    async fn card(store: &Store) -> (Option<String>, Option<String>) {
        let rows = store.directory().await.unwrap();
        let [entity] = &*rows.entities else { panic!("one entity was expected: {rows:?}") };
        (entity.title.clone(), entity.icon.clone())
    }

    #[tokio::test]
    async fn a_change_leaves_alone_what_it_does_not_say() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let entity = added(&store).await;
        let before = store.directory_revision().await.unwrap();
        assert_eq!(card(&store).await, (text("Orders"), text(ICON)));
        store.change_entity(&entity.id, &EntityChange { title: text("Shop"), icon: None }).await.unwrap();
        assert_eq!(card(&store).await, (text("Shop"), text(ICON)));
        store.change_entity(&entity.id, &EntityChange { title: None, icon: text("") }).await.unwrap();
        assert_eq!(card(&store).await, (text("Shop"), None));
        assert_eq!(store.directory_revision().await.unwrap(), before + 2, "other processes notice");
        store.close().await;
    }
}
