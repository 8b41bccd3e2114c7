//! [`EntityStore`] in SQL: stores entities, their secrets, and which of their tools are switched off.

use async_trait::async_trait;

use super::change_log::ChangedRows;
use super::limits::{LimitedObject, check_room};
use super::rows::{UnreadableRow, id, named};
use crate::domain::entity::{Entity, EntitySecret, NewSecret};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Policy, Scope};
use crate::domain::ids::{EntityId, SecretId};
use crate::ports::directory::EntityStore;
use crate::ports::time::now_ms;
use crate::store::SqlStore;
use crate::store::sql::{self, Row, SqlConnection};
use crate::store::writer::WriteLock;

/// Secrets of one entity that stay valid for a grace time beside the current one.
const MAX_SECRETS: i64 = 16;

/// Tools of one entity in one environment that are switched off, also those that are not declared any more. Ten times as many as may be
/// declared.
const MAX_DISABLED_TOOLS: i64 = 10_000;

#[async_trait]
impl EntityStore for SqlStore {
    async fn add_entity(&self, entity: &Entity, secret: &EntitySecret, limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(ChangedRows::Entity(&entity.id)).await?;
        check_room(&mut change, &entity.project_id, LimitedObject::Entities, limit).await?;
        let added = sql::query(
            "INSERT INTO entities (id, project_id, slug, policy, created_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(entity.id.as_str())
        .bind(entity.project_id.as_str())
        .bind(&entity.slug)
        .bind(entity.policy.as_str())
        .bind(entity.created_ms)
        .execute(&mut *change)
        .await?;
        if added == 0 {
            return Ok(false);
        }
        add_secret(&mut change, &secret.id, &secret.entity_id, &secret.hash).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn rotate_secret(&self, new: &NewSecret<'_>) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Entity(new.entity_id)).await?;
        sql::query("DELETE FROM entity_secrets WHERE entity_id = $1 AND expires_ms <= $2")
            .bind(new.entity_id.as_str())
            .bind(now_ms())
            .execute(&mut *change)
            .await?;
        // A secret that ends earlier keeps its end.
        sql::query(
            "UPDATE entity_secrets SET expires_ms = $2 \
             WHERE entity_id = $1 AND (expires_ms IS NULL OR expires_ms > $2)",
        )
        .bind(new.entity_id.as_str())
        .bind(new.others_expire_ms)
        .execute(&mut *change)
        .await?;
        let good = sql::query("SELECT COUNT(*) AS number FROM entity_secrets WHERE entity_id = $1 AND expires_ms > $2");
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

    async fn remove_entity(&self, entity: &EntityId) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Entity(entity)).await?;
        WriteLock::take_further(&mut change, &[WriteLock::Tools]).await?;
        sql::query("DELETE FROM entities WHERE id = $1").bind(entity.as_str()).execute(&mut *change).await?;
        change.commit().await?;
        Ok(())
    }

    async fn disable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error> {
        let count = "SELECT COUNT(*) AS number FROM disabled_tools WHERE entity_id = $1 AND environment_id = $2";
        let count = sql::query(count).bind(scope.entity.as_str()).bind(scope.environment.as_str());
        if count.fetch_one(&self.reads).await?.get::<i64, _>("number") >= MAX_DISABLED_TOOLS {
            let message = format!(
                "{MAX_DISABLED_TOOLS} tools of this entity are switched off in this environment; switch one on first"
            );
            return Err(Error::new(ErrorKind::LimitReached, message));
        }
        let statement = "INSERT INTO disabled_tools (entity_id, environment_id, name) VALUES ($1, $2, $3) \
                         ON CONFLICT (entity_id, environment_id, name) DO NOTHING";
        self.switch(statement, scope, name).await
    }

    async fn enable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error> {
        let statement = "DELETE FROM disabled_tools WHERE entity_id = $1 AND environment_id = $2 AND name = $3";
        self.switch(statement, scope, name).await
    }
}

impl SqlStore {
    async fn switch(&self, statement: &'static str, scope: &Scope, name: &str) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Entity(&scope.entity)).await?;
        sql::query(statement)
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .bind(name)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }
}

async fn add_secret(connection: &mut SqlConnection, id: &SecretId, entity: &EntityId, hash: &str) -> Result<(), Error> {
    sql::query("INSERT INTO entity_secrets (id, entity_id, hash, created_ms) VALUES ($1, $2, $3, $4)")
        .bind(id.as_str())
        .bind(entity.as_str())
        .bind(hash)
        .bind(now_ms())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn entity(row: &Row) -> Result<Entity, UnreadableRow> {
    Ok(Entity {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        slug: row.get("slug"),
        policy: named(row, "policy", Policy::from_name)?,
        created_ms: row.get("created_ms"),
    })
}

pub(super) fn secret(row: &Row) -> Result<EntitySecret, UnreadableRow> {
    Ok(EntitySecret {
        id: id(row, "id"),
        entity_id: id(row, "entity_id"),
        hash: row.get("hash"),
        expires_ms: row.get("expires_ms"),
    })
}

pub(super) fn disabled_tool(row: &Row) -> Result<(Scope, String), UnreadableRow> {
    Ok((Scope { entity: id(row, "entity_id"), environment: id(row, "environment_id") }, row.get("name")))
}
