//! [`DatabaseLock`]: keeps gateways off a PostgreSQL database that must not run on it together.
//!
//! A gateway without a bus has the database for itself: it has the lock of the database alone. Gateways with a bus share that lock, and each
//! has a second lock alone, that of its number. Commands that change the whole database lock it as a gateway without a bus does; other
//! administrative commands need no lock.

use std::fmt;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep, timeout};

use super::connections::connect;
use crate::domain::database::PostgresServer;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::GatewayNumber;
use crate::store::sql;

/// The longest time of a check, and of the statements that take the lock again.
const ANSWER: Duration = Duration::from_secs(5);

/// The wait for a gateway that is stopping, or whose connection the server is about to end.
const STOPPING: Duration = Duration::from_secs(10);

/// The time between two attempts.
const RETRY: Duration = Duration::from_millis(200);

/// The lock of a gateway that runs. The server releases it when its connection ends: [`DatabaseLock::check`] notices that, and
/// [`DatabaseLock::retake`] takes the lock over a new connection.
pub(crate) struct DatabaseLock {
    server: PostgresServer,
    holder: GatewayNumber,
    /// None once it failed.
    connection: Option<PgConnection>,
    backend: Backend,
}

impl DatabaseLock {
    /// Asks the server over the lock's connection, which ends if that fails.
    ///
    /// # Errors
    /// The connection has ended, or the server does not answer. The lock is gone then, or soon will be.
    pub(crate) async fn check(&mut self) -> Result<(), Error> {
        // Back in place only after an answer: a connection with a statement under way is of no use.
        let mut connection = self.connection.take().ok_or_else(unanswered)?;
        timeout(ANSWER, sql::query("SELECT 1 AS one").fetch_one(&mut connection)).await.map_err(|_| unanswered())??;
        self.connection = Some(connection);
        Ok(())
    }

    /// Like [`DatabaseLock::check`], for one of several gateways. It marks the connection for the others while this gateway is connected to the
    /// bus, and tells whether another gateway has marked its own lately.
    ///
    /// # Errors
    /// As for [`DatabaseLock::check`].
    pub(crate) async fn check_with_others(&mut self, is_on_bus: bool) -> Result<bool, Error> {
        let mut connection = self.connection.take().ok_or_else(unanswered)?;
        let mark = if is_on_bus { ON_BUS } else { OFF_BUS };
        // The number of seconds is that of three checks.
        let check = "SELECT set_config('application_name', $1, false) AS mark, EXISTS (SELECT 1 FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = $2 \
                     AND state_change > now() - INTERVAL '10 seconds') AS others";
        let check = sql::query(check).bind(mark).bind(ON_BUS);
        let row = timeout(ANSWER, check.fetch_one(&mut connection)).await.map_err(|_| unanswered())??;
        self.connection = Some(connection);
        Ok(row.get("others"))
    }

    /// Takes the lock again over a new connection. This does not wait for another gateway.
    ///
    /// # Errors
    /// Another gateway has the lock ([`ErrorKind::Busy`]), or the database failed.
    pub(crate) async fn retake(&mut self) -> Result<(), Error> {
        self.connection = None;
        let mut connection = connect(&self.server).await?;
        self.backend =
            timeout(ANSWER, retake(&mut connection, self.holder, self.backend)).await.map_err(|_| unanswered())??;
        self.connection = Some(connection);
        Ok(())
    }

    /// The lock's connection, which stays open as the server sees it.
    #[cfg(test)]
    #[cfg(feature = "postgres-tests")]
    pub(super) fn take_connection(&mut self) -> Option<PgConnection> {
        self.connection.take()
    }
}

impl fmt::Debug for DatabaseLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseLock").field("holder", &self.holder).finish_non_exhaustive()
    }
}

/// The server's process for a connection. Its number may be used again, so the time of its start is part of it.
#[derive(Debug, Clone, Copy)]
struct Backend {
    number: i64,
    started_us: i64,
}

impl Backend {
    async fn of(connection: &mut PgConnection) -> Result<Self, Error> {
        let own = "SELECT CAST(pid AS BIGINT) AS number, CAST(EXTRACT(EPOCH FROM backend_start) * 1000000 AS BIGINT) AS started_us \
                   FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let row = sql::query(own).fetch_one(connection).await?;
        Ok(Self { number: row.get("number"), started_us: row.get("started_us") })
    }
}

/// Takes the lock for a gateway, or for a command on the whole database ([`GatewayNumber::ALONE`]). Waits for a gateway that is stopping.
pub(crate) async fn lock_database(server: &PostgresServer, holder: GatewayNumber) -> Result<DatabaseLock, Error> {
    let mut connection = connect(server).await?;
    let begun = Instant::now();
    for lock in AdvisoryLock::of(holder) {
        // A request that waits in the server would keep gateways off that share the lock with the present holders.
        while !lock.try_take(&mut connection).await? {
            if begun.elapsed() >= STOPPING {
                return Err(lock.refusal());
            }
            sleep(RETRY).await;
        }
    }
    let backend = Backend::of(&mut connection).await?;
    Ok(DatabaseLock { server: server.clone(), holder, connection: Some(connection), backend })
}

/// Takes the locks that another connection of this gateway had. Returns the process of the new connection.
async fn retake(connection: &mut PgConnection, holder: GatewayNumber, former: Backend) -> Result<Backend, Error> {
    // The server may not know yet that the former connection has ended.
    let end = "SELECT pg_terminate_backend(pid, 3000) AS has_ended FROM pg_stat_activity WHERE pid = CAST($1 AS INTEGER) \
               AND CAST(EXTRACT(EPOCH FROM backend_start) * 1000000 AS BIGINT) = $2";
    let end = sql::query(end).bind(former.number).bind(former.started_us);
    if end.fetch_optional(&mut *connection).await?.is_some_and(|row| !row.get::<bool, _>("has_ended")) {
        return Err(Error::new(ErrorKind::Storage, "the server does not end the former connection of this gateway"));
    }
    for lock in AdvisoryLock::of(holder) {
        if !lock.try_take(&mut *connection).await? {
            return Err(lock.refusal());
        }
    }
    Backend::of(connection).await
}

/// A lock of the server that a gateway has while it runs.
#[derive(Debug, Clone, Copy)]
enum AdvisoryLock {
    /// That of the database, for a gateway without a bus.
    Alone,
    /// The same, for gateways with a bus, which may have it together.
    Shared,
    /// That of the number of a gateway with a bus.
    Number(GatewayNumber),
}

impl AdvisoryLock {
    /// The locks of a gateway, in the order in which they are taken.
    fn of(holder: GatewayNumber) -> Vec<Self> {
        if holder == GatewayNumber::ALONE { vec![Self::Alone] } else { vec![Self::Shared, Self::Number(holder)] }
    }

    /// Takes the lock, unless another gateway has it.
    async fn try_take(self, connection: &mut PgConnection) -> Result<bool, Error> {
        let take = match self {
            Self::Alone => format!("pg_try_advisory_lock({KEY})"),
            Self::Shared => format!("pg_try_advisory_lock_shared({KEY})"),
            Self::Number(number) => format!("pg_try_advisory_lock({KEY}, {})", number.get()),
        };
        let take = sql::dynamic(format!("SELECT {take} AS is_taken"));
        Ok(take.fetch_one(connection).await?.get("is_taken"))
    }

    /// The error when another gateway has the lock.
    fn refusal(self) -> Error {
        let message = match self {
            Self::Alone => {
                "another gateway runs on the database; stop it first (several gateways run on it if all have `cluster.nats`)".to_owned()
            }
            Self::Shared => {
                "another gateway or command without `cluster.nats` runs on the database; stop it first, or start the gateway with `cluster.nats`"
                    .to_owned()
            }
            Self::Number(number) => format!(
                "another gateway on the database has the number {}; give each gateway a `cluster.gateway` of its own",
                number.get()
            ),
        };
        Error::new(ErrorKind::Busy, message)
    }
}

/// The names of the connections of gateways with a bus, by which they know of each other.
const ON_BUS: &str = "platools-gateway on bus";
const OFF_BUS: &str = "platools-gateway off bus";

/// The key of the locks. With a second key it is that of a number, without one that of the database.
const KEY: &str = "hashtext('platools-gateway')";

fn unanswered() -> Error {
    Error::new(ErrorKind::Storage, "the connection of the database's lock does not answer")
}
