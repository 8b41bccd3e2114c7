//! [`Connections`]: the pools of connections to a PostgreSQL server.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::time::timeout;

use crate::domain::database::{InvalidPostgresUrl, PostgresServer};
use crate::domain::error::{Error, ErrorKind};
use crate::store::failure::storage_error;
use crate::store::list_connections;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest wait for a free connection of a pool.
const ACQUIRE: Duration = Duration::from_secs(5);

/// The longest wait for a lock. Whoever has it ends within it, see [`IDLE`].
const LOCK: Duration = Duration::from_secs(10);

/// The longest pause in a transaction. A process that hangs would keep others from writing.
const IDLE: Duration = Duration::from_secs(5);

/// The pools of a gateway.
pub(super) struct Connections {
    pub(super) reads: PgPool,
    pub(super) writes: PgPool,
    pub(super) lists: PgPool,
}

impl Connections {
    /// Pools that connect when they are used. Each kind has connections of its own, so that none waits for another kind.
    pub(super) fn new(server: &PostgresServer) -> Self {
        let writes = (server.connections.saturating_sub(list_connections::AT_ONCE) / 2).max(1);
        let reads = server.connections.saturating_sub(list_connections::AT_ONCE + writes).max(1);
        let pool = |connections: u32, wait: Duration, limit: Duration| {
            let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(wait);
            // The URL was checked when it was read.
            options.connect_lazy_with(options_of(server, limit).unwrap_or_default())
        };
        Self {
            reads: pool(reads, ACQUIRE, server.statement_timeout),
            writes: pool(writes, ACQUIRE, server.statement_timeout),
            lists: pool(list_connections::AT_ONCE, list_connections::TURN, list_connections::LIMIT),
        }
    }
}

/// Connects for an operation on the schema, which may take long.
pub(super) async fn connect(server: &PostgresServer) -> Result<PgConnection, Error> {
    let options = options_of(server, Duration::ZERO)?;
    let place = server.url.server();
    let unreachable = || {
        let message = format!(
            "the PostgreSQL server at {place} cannot be reached; see whether it runs, and `database.url` and the firewall let it be reached"
        );
        Error::new(ErrorKind::Storage, message)
    };
    let connected = timeout(CONNECT, PgConnection::connect_with(&options)).await.map_err(|_| unreachable())?;
    connected.map_err(|error| match error {
        sqlx::Error::Io(error) => unreachable().caused_by(error),
        sqlx::Error::Tls(error) => {
            let message = format!(
                "the certificate of the PostgreSQL server at {place} is not accepted; name its authority with `sslrootcert` in \
                 `database.url`, or the way to check it with `sslmode`"
            );
            Error::new(ErrorKind::Storage, message).caused_by(storage_error(&sqlx::Error::Tls(error)))
        }
        error => storage_error(&error),
    })
}

/// The options of every connection. A `limit` of zero is none.
fn options_of(server: &PostgresServer, limit: Duration) -> Result<PgConnectOptions, Error> {
    let url = server.url.as_str();
    let unusable =
        |_| Error::new(ErrorKind::NotConfigured, format!("`database.url` takes {}", InvalidPostgresUrl::Form));
    let mut options: PgConnectOptions = url.parse().map_err(unusable)?;
    if !server.url.has_tls_mode() {
        // On the way to another machine, somebody else could answer.
        options = options.ssl_mode(if server.url.is_loopback() { PgSslMode::Prefer } else { PgSslMode::VerifyFull });
    }
    if let Some(password) = &server.password {
        options = options.password(password.expose_secret());
    }
    let milliseconds = |time: Duration| time.as_millis().to_string();
    Ok(options.application_name("platools-gateway").options([
        ("statement_timeout", milliseconds(limit)),
        ("lock_timeout", milliseconds(LOCK)),
        ("idle_in_transaction_session_timeout", milliseconds(IDLE)),
        // A gateway whose machine is gone keeps no lock.
        ("tcp_keepalives_idle", "5".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_of_another_machine_is_verified_unless_the_url_says_otherwise() {
        let mode = |url: &str| {
            let server = PostgresServer::new(url.parse().unwrap(), Some("hush".into()));
            options_of(&server, Duration::ZERO).unwrap().get_ssl_mode()
        };
        assert!(matches!(mode("postgres://gateway@db.example.com/platools"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://gateway@127.0.0.1/platools"), PgSslMode::Prefer));
        assert!(matches!(mode("postgres://gateway@db.example.com/platools?sslmode=require"), PgSslMode::Require));
    }
}
