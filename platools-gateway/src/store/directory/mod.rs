//! [`DirectoryStore`] in SQL: stores organizations, projects, environments, entities, agents, keys and tokens.
//!
//! Every change also raises the directory's revision, in the same transaction, and records the rows that it touches.

mod agents;
mod change_log;
mod changes;
mod entities;
mod keys;
mod limits;
mod projects;
mod rows;
mod signing_keys;
mod tokens;

use std::sync::Arc;

use async_trait::async_trait;

use super::SqlStore;
use crate::domain::audit::AuditEvent;
use crate::domain::directory::{DirectoryContents, DirectoryUpdate};
use crate::domain::error::Error;
use crate::ports::directory::DirectoryStore;
use crate::store::sql::{self, Transaction};
use crate::store::writer::WriteLock;
use agents::agent;
use change_log::ChangedRows;
use changes::read_changes;
use entities::{disabled_tool, entity, secret};
use keys::key;
use projects::{PROJECTS, environment, project};
use rows::all;
use tokens::{REVOKED_TOKENS, revoked_token};

#[async_trait]
impl DirectoryStore for SqlStore {
    fn recording(&self, event: &Arc<AuditEvent>) -> Arc<dyn DirectoryStore> {
        Arc::new(Self { recorded: Some(Arc::clone(event)), ..self.clone() })
    }

    async fn directory_revision(&self) -> Result<i64, Error> {
        let row = sql::query("SELECT revision FROM directory_revision").fetch_one(&self.reads).await?;
        Ok(row.get("revision"))
    }

    async fn directory(&self) -> Result<DirectoryContents, Error> {
        // One transaction, so that all of it is of one revision.
        let mut reading = self.writes.begin(WriteLock::Directory).await?;
        let revision = sql::query("SELECT revision FROM directory_revision").fetch_one(&mut *reading).await?;
        Ok(DirectoryContents {
            revision: revision.get("revision"),
            projects: all(&mut reading, PROJECTS, project).await?,
            environments: all(&mut reading, "SELECT * FROM environments ORDER BY slug", environment).await?,
            entities: all(&mut reading, "SELECT * FROM entities ORDER BY slug", entity).await?,
            secrets: all(&mut reading, "SELECT * FROM entity_secrets", secret).await?,
            agents: all(&mut reading, "SELECT * FROM agents ORDER BY slug", agent).await?,
            keys: all(&mut reading, "SELECT * FROM caller_keys ORDER BY created_ms, id", key).await?,
            revoked_tokens: all(&mut reading, REVOKED_TOKENS, revoked_token).await?,
            disabled_tools: all(&mut reading, "SELECT * FROM disabled_tools", disabled_tool).await?,
        })
    }

    async fn directory_since(&self, revision: i64) -> Result<Option<DirectoryUpdate>, Error> {
        // One transaction, so that all of it is of one revision.
        let mut reading = self.reads.begin().await?;
        read_changes(&mut reading, revision).await
    }
}

impl SqlStore {
    /// Begins a transaction that changes the directory, with the audit event that it records.
    async fn change_directory(&self, touched: ChangedRows<'_>) -> Result<Transaction, Error> {
        let mut change = self.writes.begin(WriteLock::Directory).await?;
        touched.note(&mut change).await?;
        self.write_recorded(&mut change).await?;
        Ok(change)
    }
}
