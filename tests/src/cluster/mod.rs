//! [`Installation`]: runs several gateways as processes, with PostgreSQL and NATS, each of which a test may stop, freeze or cut off.
//!
//! `tests/cluster/run` gives the programs. Every gateway reaches the two servers over a [`TcpRelay`] of its own, and a [`Balancer`] stands in
//! front of the gateways.

mod balancer;
mod gateway;
mod load;
mod nats;
mod postgres;
mod process;
mod tcp_relay;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time::sleep;

pub use balancer::Balancer;
use gateway::GatewayPlace;
pub use gateway::GatewayProcess;
pub use load::{KeyedLoad, LoadEnd, LoadReport, LoadWorkers};
pub use nats::Nats;
pub use postgres::Postgres;
use tcp_relay::Target;
pub use tcp_relay::TcpRelay;

use crate::{Caller, http_client, within};

/// True in a release build, which is for measurements: gateways log little, and have no limit of calls.
const IS_MEASUREMENT: bool = !cfg!(debug_assertions);

/// The interval of looks at a gateway.
const LOOK: Duration = Duration::from_millis(100);

/// Several gateways on one database. All processes end when this is dropped.
#[derive(Debug)]
pub struct Installation {
    gateways: Vec<GatewayProcess>,
    /// The database's server.
    pub postgres: Postgres,
    /// The bus's server.
    pub nats: Nats,
    has_bus_relays: bool,
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
        Self::start_with(name, gateways, true).await
    }

    /// Like [`Installation::start`], without relays to the bus, which would cost each message time. The gateways cannot be cut off from it.
    ///
    /// # Panics
    /// One does not start.
    pub async fn start_without_bus_relays(name: &str, gateways: u16) -> Self {
        Self::start_with(name, gateways, false).await
    }

    async fn start_with(name: &str, gateways: u16, has_bus_relays: bool) -> Self {
        let (postgres, nats) = tokio::join!(Postgres::start(), Nats::start(""));
        let folder = tempfile::tempdir().expect("a folder");
        let mut installation = Self {
            gateways: Vec::new(),
            postgres,
            nats,
            has_bus_relays,
            folder,
            name: name.to_owned(),
            admin_key: String::new(),
        };
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

    /// A load balancer in front of the gateways.
    pub async fn balancer(&self) -> Balancer {
        Balancer::start(self.gateways.iter().map(|gateway| gateway.url().to_owned()).collect()).await
    }

    /// Waits until a gateway answers `/ready` with a status and a text.
    ///
    /// # Panics
    /// It does not.
    pub async fn says_ready(&self, number: u16, status: u16, text: &str) {
        let admin = self.admin(number);
        let says = async {
            loop {
                let answer = admin.get("/ready").await;
                if answer.status == status && answer.body.to_string().contains(text) {
                    return;
                }
                sleep(LOOK).await;
            }
        };
        within(says).await;
    }

    /// Waits until a gateway sees a worker of an entity at one of these gateways, and returns which.
    ///
    /// # Panics
    /// It does not.
    pub async fn worker_at(&self, seen_by: u16, entity: &str, gateways: &[u16]) -> u16 {
        let admin = self.admin(seen_by);
        let path = format!("/v1/cluster?worker={entity}");
        let found = async {
            loop {
                let answer = admin.get(&path).await;
                let gateway =
                    answer.body["workers"][0]["gateway"].as_u64().and_then(|number| u16::try_from(number).ok());
                if let Some(gateway) = gateway.filter(|gateway| gateways.contains(gateway)) {
                    return gateway;
                }
                sleep(LOOK).await;
            }
        };
        within(found).await
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
        let target = self.nats.target();
        if self.has_bus_relays {
            return TcpRelay::start(target).await;
        }
        let Target::Port(port) = *target.borrow() else { panic!("a NATS server has a port") };
        TcpRelay::without_relay(port)
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

    /// Runs `serve` on the database with these flags, and waits until it listens. The process ends with the handle.
    ///
    /// # Panics
    /// It is refused.
    pub async fn serve(&self, flags: &[&str]) -> ServingProcess {
        let database = self.relay_to_database().await;
        let mut command = gateway::serve(self.folder.path(), &database);
        command.args(["--listen", "127.0.0.1:0"]).args(flags);
        let log = logs().join(format!("{}-other.log", self.name));
        ServingProcess { _process: gateway::run(command, &log).await.process, _database: database }
    }

    /// Runs `cluster status` at the first gateway with these flags, and returns what it prints.
    ///
    /// # Panics
    /// It fails.
    pub async fn status(&self, flags: &[&str]) -> String {
        let mut command = gateway::program_command(&["cluster", "status"]);
        command.args(["--url", self.gateway(1).url()]).args(flags).env("PLATOOLS_GATEWAY_KEY", &self.admin_key);
        let output = within(command.output()).await.expect("the command runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The figures of a gateway.
    ///
    /// # Panics
    /// They cannot be read.
    pub async fn metrics(&self, number: u16) -> String {
        let url = format!("{}/metrics", self.gateway(number).url());
        let answer = within(http_client().get(url).bearer_auth(&self.admin_key).send()).await.expect("an answer");
        within(answer.text()).await.expect("text")
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

/// A gateway that a test has started beside the others.
#[derive(Debug)]
pub struct ServingProcess {
    _process: Child,
    _database: TcpRelay,
}

/// The folder of the logs.
fn logs() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a file");
    let folder = tests.with_file_name("");
    // Tests are a folder further down than programs.
    let folder = folder.join(if folder.ends_with("deps") { "../../tmp" } else { "../tmp" });
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    folder
}

/// A variable that `tests/cluster/run` sets.
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("tests with several gateways are run by tests/cluster/run; it sets {name}"))
}
