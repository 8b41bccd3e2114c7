//! Tests of notifications to systemd.

use std::path::PathBuf;

use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::net::UnixDatagram;

use crate::program_process::{Program, command};
use crate::support::{Caller, within};

/// A gateway with systemd's end of the socket over which it says how it is.
struct Supervised {
    folder: TempDir,
    socket: UnixDatagram,
    program: Program,
}

impl Supervised {
    async fn start(watchdog_usec: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let data = folder.path().join("data");
        let mut command = command(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
        command.args(["--drain-limit", "20s"]).env("NOTIFY_SOCKET", &path).env_remove("WATCHDOG_PID");
        match watchdog_usec {
            Some(usec) => command.env("WATCHDOG_USEC", usec),
            None => command.env_remove("WATCHDOG_USEC"),
        };
        let program = Program::start(command).await;
        Self { folder, socket, program }
    }

    /// The next message.
    async fn told(&self) -> String {
        let mut message = [0; 256];
        let length = within(self.socket.recv(&mut message)).await.unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("data/gateway.sqlite")
    }
}

#[tokio::test]
async fn systemd_is_told_when_the_gateway_serves_and_when_it_stops() {
    let supervised = Supervised::start(None).await;
    assert_eq!(supervised.told().await, "READY=1\n");
    supervised.program.signal("-TERM").await;
    assert_eq!(supervised.told().await, "STOPPING=1\nEXTEND_TIMEOUT_USEC=50000000\n");
    assert_eq!(supervised.program.exit_code().await, Some(0));
}

#[tokio::test]
async fn signs_of_life_go_on_while_the_database_fails() {
    let supervised = Supervised::start(Some("20000")).await;
    assert_eq!(supervised.told().await, "READY=1\n");
    for _ in 0..3 {
        assert_eq!(supervised.told().await, "WATCHDOG=1\n");
    }
    let database = format!("sqlite://{}", supervised.database().display());
    let mut database = within(SqliteConnection::connect(&database)).await.unwrap();
    within(sqlx::query("DROP TABLE directory_revision").execute(&mut database)).await.unwrap();
    let caller = Caller::at(&supervised.program.url);
    assert_eq!(caller.get("/ready").await.status, 503);
    assert_eq!(caller.get("/health").await.status, 200);
    // More than can have been on their way before.
    for _ in 0..100 {
        assert_eq!(supervised.told().await, "WATCHDOG=1\n");
    }
}
