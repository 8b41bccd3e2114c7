//! [`read_changes`]: reads the rows of the directory that changed after a revision.

use std::collections::BTreeSet;

use super::agents::agent;
use super::entities::{disabled_tool, entity, secret};
use super::keys::key;
use super::projects::{PROJECTS, environment, project};
use super::rows::{of, readable};
use super::tokens::revoked_token;
use crate::domain::directory::{DirectoryChange, DirectoryContents, DirectoryUpdate, EntityContents};
use crate::domain::environment::Environment;
use crate::domain::error::Error;
use crate::domain::ids::ProjectId;
use crate::store::sql::{self, SqlConnection};

/// The environments of a project.
const ENVIRONMENTS: &str = "SELECT * FROM environments WHERE project_id = $1 ORDER BY slug";

/// The parts of the directory that changed after a revision; none if it is not known which they are.
pub(super) async fn read_changes(reading: &mut SqlConnection, since: i64) -> Result<Option<DirectoryUpdate>, Error> {
    let revision = sql::query("SELECT revision FROM directory_revision").fetch_one(&mut *reading).await?;
    let revision: i64 = revision.get("revision");
    let noted = sql::query("SELECT revision, kind, id FROM directory_changes WHERE revision > $1");
    let noted = noted.bind(since).fetch_all(&mut *reading).await?;
    let known: BTreeSet<i64> = noted.iter().map(|row| row.get("revision")).collect();
    if i64::try_from(known.len()).ok() != Some(revision - since) {
        return Ok(None);
    }
    let touched: BTreeSet<(String, String)> = noted.iter().map(|row| (row.get("kind"), row.get("id"))).collect();
    let mut changes = Vec::with_capacity(touched.len());
    for (kind, id) in touched {
        changes.push(match kind.as_str() {
            "project" => DirectoryChange::Project((&*id).into(), project_contents(reading, &id).await?),
            "environments" => DirectoryChange::Environments((&*id).into(), environments(reading, &id).await?),
            "entity" => DirectoryChange::Entity((&*id).into(), entity_contents(reading, &id).await?),
            "agent" => {
                let found = of(reading, "SELECT * FROM agents WHERE id = $1", &id, agent).await?;
                DirectoryChange::Agent((&*id).into(), found.into_iter().next())
            }
            "key" => {
                let found = of(reading, "SELECT * FROM caller_keys WHERE id = $1", &id, key).await?;
                DirectoryChange::Key((&*id).into(), found.into_iter().next())
            }
            "tokens" => DirectoryChange::Tokens((&*id).into(), revoked_tokens(reading, &id).await?),
            "signing" => continue,
            // Another process may be of a later version.
            _ => return Ok(None),
        });
    }
    Ok(Some(DirectoryUpdate { revision, changes }))
}

/// Everything in a project.
async fn project_contents(connection: &mut SqlConnection, id: &str) -> Result<Option<Box<DirectoryContents>>, Error> {
    let found = sql::query(PROJECTS).fetch_all(&mut *connection).await?;
    let found = readable(&found, project).into_iter().find(|project| project.id.as_str() == id);
    let Some(found) = found else { return Ok(None) };
    let entities = "SELECT * FROM entities WHERE project_id = $1";
    let secrets = "SELECT s.* FROM entity_secrets s JOIN entities e ON e.id = s.entity_id WHERE e.project_id = $1";
    let agents = "SELECT * FROM agents WHERE project_id = $1";
    let keys = "SELECT * FROM caller_keys WHERE project_id = $1";
    let disabled_tools =
        "SELECT d.* FROM disabled_tools d JOIN entities e ON e.id = d.entity_id WHERE e.project_id = $1";
    Ok(Some(Box::new(DirectoryContents {
        // Of the whole update.
        revision: 0,
        projects: vec![found],
        environments: of(connection, ENVIRONMENTS, id, environment).await?,
        entities: of(connection, entities, id, entity).await?,
        secrets: of(connection, secrets, id, secret).await?,
        agents: of(connection, agents, id, agent).await?,
        keys: of(connection, keys, id, key).await?,
        revoked_tokens: revoked_tokens(connection, id).await?,
        disabled_tools: of(connection, disabled_tools, id, disabled_tool).await?,
    })))
}

async fn environments(connection: &mut SqlConnection, project: &str) -> Result<Vec<Environment>, Error> {
    let found = of(connection, ENVIRONMENTS, project, environment).await?;
    Ok(found.into_iter().map(|(_, environment)| environment).collect())
}

async fn revoked_tokens(connection: &mut SqlConnection, project: &str) -> Result<Vec<(String, ProjectId)>, Error> {
    let revoked = "SELECT id, project_id FROM tokens WHERE project_id = $1 AND revoked_ms IS NOT NULL";
    of(connection, revoked, project, revoked_token).await
}

async fn entity_contents(connection: &mut SqlConnection, id: &str) -> Result<Option<EntityContents>, Error> {
    let found = of(connection, "SELECT * FROM entities WHERE id = $1", id, entity).await?;
    let Some(found) = found.into_iter().next() else { return Ok(None) };
    let secrets = of(connection, "SELECT * FROM entity_secrets WHERE entity_id = $1", id, secret).await?;
    let disabled_tools = of(connection, "SELECT * FROM disabled_tools WHERE entity_id = $1", id, disabled_tool).await?;
    Ok(Some(EntityContents { entity: found, secrets, disabled_tools }))
}
