//! [`Installation`]: runs several gateways as processes, with PostgreSQL and NATS, each of which a test may stop, freeze or cut off.
//!
//! `tests/cluster/run` gives the programs. Every gateway reaches the two servers over a [`TcpRelay`] of its own.

mod gateway;
mod nats;
mod postgres;
mod process;
mod tcp_relay;

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use gateway::GatewayPlace;
pub use gateway::GatewayProcess;
pub use nats::Nats;
pub use postgres::Postgres;
pub use tcp_relay::TcpRelay;

use crate::{Caller, within};

/// Several gateways on one database. All processes end when this is dropped.
#[derive(Debug)]
pub struct Installation {
    gateways: Vec<GatewayProcess>,
    /// The database's server.
    pub postgres: Postgres,
    /// The bus's server.
    pub nats: Nats,
    folder: TempDir,
    name: String,
    admin_key: String,
}

impl Installation {
    /// Starts the servers, and gateways with the numbers from 1. The gateways log into files of this name in the folder for what is built.
    ///
    /// # Panics
    /// One does not start.
    pub async fn start(name: &str, gateways: u16) -> Self {
        let (postgres, nats) = tokio::join!(Postgres::start(), Nats::start(""));
        let folder = tempfile::tempdir().expect("a folder");
        let mut installation =
            Self { gateways: Vec::new(), postgres, nats, folder, name: name.to_owned(), admin_key: String::new() };
        for number in 1..=gateways {
            installation.add(number).await;
        }
        installation
    }

    /// Starts one more gateway.
    ///
    /// # Panics
    /// It does not start.
    pub async fn add(&mut self, number: u16) -> &mut GatewayProcess {
        let (bus, database) = (self.relay_to_bus().await, self.relay_to_database().await);
        let log = logs().join(format!("{}-{number}.log", self.name));
        // That of an earlier run of the test.
        let _ = std::fs::remove_file(&log);
        let place = GatewayPlace { folder: self.folder.path().to_owned(), log };
        let gateway = GatewayProcess::start(number, place, bus, database).await;
        if let Some(key) = gateway.admin_key() {
            key.clone_into(&mut self.admin_key);
        }
        self.gateways.push(gateway);
        self.gateways.last_mut().expect("one was added")
    }

    /// A gateway by its number.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn gateway(&self, number: u16) -> &GatewayProcess {
        self.gateways.iter().find(|gateway| gateway.number() == number).expect("a gateway of this number")
    }

    /// A gateway by its number, to change.
    ///
    /// # Panics
    /// There is none.
    pub fn gateway_mut(&mut self, number: u16) -> &mut GatewayProcess {
        self.gateways.iter_mut().find(|gateway| gateway.number() == number).expect("a gateway of this number")
    }

    /// The gateways, in the order in which they started.
    #[must_use]
    pub fn gateways(&self) -> &[GatewayProcess] {
        &self.gateways
    }

    /// An admin at one gateway.
    #[must_use]
    pub fn admin(&self, number: u16) -> Caller {
        Caller::new(self.gateway(number).url(), &self.admin_key)
    }

    /// Adds an entity, and returns the secret of its workers.
    ///
    /// # Panics
    /// The first gateway refuses it.
    pub async fn add_entity(&self, entity: Value) -> String {
        let answer = self.admin(1).post("/v1/entities", entity).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["secret"].as_str().expect("a secret").to_owned()
    }

    /// Adds an entity with this name.
    ///
    /// # Panics
    /// The first gateway refuses it.
    pub async fn add_named_entity(&self, name: &str) -> String {
        self.add_entity(json!({"slug": name})).await
    }

    /// A way to the NATS server.
    pub async fn relay_to_bus(&self) -> TcpRelay {
        TcpRelay::start(self.nats.target()).await
    }

    /// A way to the PostgreSQL server.
    pub async fn relay_to_database(&self) -> TcpRelay {
        TcpRelay::start(self.postgres.target()).await
    }

    /// Runs `serve` on the database with these flags, which must be refused, and returns its error.
    ///
    /// # Panics
    /// The gateway starts.
    pub async fn refusal(&self, flags: &[&str]) -> String {
        let database = self.relay_to_database().await;
        let mut command = gateway::serve(self.folder.path(), &database);
        command.args(["--listen", "127.0.0.1:0", "--log-filter", "off"]).args(flags);
        let output = within(command.output()).await.expect("the gateway starts");
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).expect("text")
    }

    /// Runs a command of the program on the database, and returns its output and its error.
    ///
    /// # Panics
    /// It cannot be run.
    pub async fn run(&self, words: &[&str]) -> (bool, String) {
        let database = self.relay_to_database().await;
        let output = within(gateway::administer(&database, words).output()).await.expect("the command runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).expect("text"))
    }
}

/// The folder of the logs.
fn logs() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a file");
    let folder = tests.with_file_name("").join("../../tmp");
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    folder
}

/// A variable that `tests/cluster/run` sets.
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("tests with several gateways are run by tests/cluster/run; it sets {name}"))
}
