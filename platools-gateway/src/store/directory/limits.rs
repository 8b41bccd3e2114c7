//! [`check_room`]: refuses an environment, entity, agent or key when its project has too many of them.

use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::ProjectId;
use crate::store::sql::{self, SqlConnection};

/// Things that a project has a bounded number of.
#[derive(Debug, Clone, Copy)]
pub(super) enum LimitedObject {
    Environments,
    Entities,
    Agents,
    Keys,
}

impl LimitedObject {
    fn name(self) -> &'static str {
        match self {
            Self::Environments => "environments",
            Self::Entities => "entities",
            Self::Agents => "agents",
            Self::Keys => "keys",
        }
    }

    fn count(self) -> &'static str {
        match self {
            Self::Environments => "SELECT COUNT(*) AS number FROM environments WHERE project_id = $1",
            Self::Entities => "SELECT COUNT(*) AS number FROM entities WHERE project_id = $1",
            Self::Agents => "SELECT COUNT(*) AS number FROM agents WHERE project_id = $1",
            Self::Keys => "SELECT COUNT(*) AS number FROM caller_keys WHERE project_id = $1",
        }
    }
}

/// Refuses one more thing of a project that has `limit` of them. Called in the transaction that adds it, so that no two of them
/// take the last place.
pub(super) async fn check_room(
    change: &mut SqlConnection,
    project: &ProjectId,
    kind: LimitedObject,
    limit: u32,
) -> Result<(), Error> {
    let number: i64 = sql::query(kind.count()).bind(project.as_str()).fetch_one(change).await?.get("number");
    if number < i64::from(limit) {
        return Ok(());
    }
    let name = kind.name();
    let message = format!(
        "the project has {number} {name}, which is as many as it may have; remove one, or have the setting `limits.project.{name}` raised"
    );
    Err(Error::new(ErrorKind::LimitReached, message))
}
