//! Tests of certificates that are replaced while a gateway runs.

use std::process::Stdio;
use std::time::Duration;

use platools_gateway::Gateway;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr};
use tokio::time::sleep;
use tokio_rustls::rustls::version::TLS12;

use crate::program_process::command;
use crate::support::within;
use crate::test_certificates::{Authority, Folder, Identity, handshake};
use crate::tls::{gateway, worker};

/// Connects until that certificate is presented.
async fn presented(authority: &Authority, url: &str, identity: &Identity) {
    within(async {
        while !identity.is_at(&authority.connect(url).await) {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn files_that_are_replaced_are_for_new_connections_and_open_ones_live_on() {
    let authority = Authority::new();
    let (first, second) = (authority.issue(), authority.issue());
    let folder = Folder::with(&first);
    let gateway = gateway(&folder).await;
    presented(&authority, &gateway.url(), &first).await;
    let mut worker = worker(&authority, &gateway).await;
    folder.replace(&second);
    // Nobody says so to the gateway.
    presented(&authority, &gateway.url(), &second).await;
    worker.register(&["echo"]).await;
    worker.settle().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_swapped_brings_another_certificate() {
    use std::os::unix::fs::symlink;

    let authority = Authority::new();
    let (first, second) = (authority.issue(), authority.issue());
    let folders = [Folder::with(&first), Folder::with(&second)];
    let mounted = tempfile::tempdir().unwrap();
    let (data, fresh) = (mounted.path().join("data"), mounted.path().join("fresh"));
    symlink(folders[0].path(), &data).unwrap();
    let setup = Gateway::builder().tls(data.join("certificate.pem"), data.join("key.pem"));
    let gateway = within(setup.start()).await.unwrap();
    presented(&authority, &gateway.url(), &first).await;
    symlink(folders[1].path(), &fresh).unwrap();
    std::fs::rename(&fresh, &data).unwrap();
    gateway.reload_tls();
    presented(&authority, &gateway.url(), &second).await;
}

#[tokio::test]
async fn a_session_of_the_certificate_before_is_not_resumed() {
    let authority = Authority::new();
    let (first, second) = (authority.issue(), authority.issue());
    let folder = Folder::with(&first);
    let gateway = gateway(&folder).await;
    // With one memory of sessions for all of its connections.
    let connector = authority.trusting(&[&TLS12], &[]);
    for resumed in [false, true] {
        let stream = handshake(&connector, &gateway.url()).await.unwrap();
        let kind = format!("{:?}", stream.get_ref().1.handshake_kind().unwrap());
        assert_eq!(kind == "Resumed", resumed, "{kind}");
    }
    folder.replace(&second);
    presented(&authority, &gateway.url(), &second).await;
    assert!(second.is_at(&handshake(&connector, &gateway.url()).await.unwrap()));
}

/// A gateway as a program whose log is read.
struct Logging {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    url: String,
    /// All that was logged so far.
    logged: String,
}

impl Logging {
    async fn start(folder: &Folder) -> Self {
        let data = folder.path().join("data");
        let mut command = command(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
        let mut child =
            command.args(folder.flags()).args(["--log-filter", "trace"]).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut program = Self { child, log, url: String::new(), logged: String::new() };
        let line = program.logs("listening address=").await;
        program.url = format!("https://{}", line.rsplit('=').next().unwrap().trim());
        program
    }

    /// Reads on to a line of the log with that text.
    async fn logs(&mut self, text: &str) -> String {
        loop {
            let line = within(self.log.next_line()).await.unwrap().expect("the program ended");
            self.logged.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    async fn hang_up(&self) {
        let id = self.child.id().expect("it runs").to_string();
        assert!(within(tokio::process::Command::new("kill").args(["-HUP", &id]).status()).await.unwrap().success());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sighup_has_the_files_read_again_and_broken_ones_change_nothing() {
    let authority = Authority::new();
    let (first, second) = (authority.issue(), authority.issue());
    let folder = Folder::with(&first);
    let mut program = Logging::start(&folder).await;
    // This is said to those who ask only.
    program.hang_up().await;
    program.logs("TLS certificate in use is the one in its files again").await;

    std::fs::write(folder.certificate(), &second.certificate[..100]).unwrap();
    program.hang_up().await;
    let line = program.logs("TLS certificate not replaced").await;
    assert!(line.contains("ERROR") && line.contains("certificate.pem is malformed PEM"), "{line}");
    assert!(first.is_at(&authority.connect(&program.url).await));

    folder.replace(&second);
    program.hang_up().await;
    let line = program.logs("TLS certificate replaced").await;
    assert!(line.contains("INFO") && line.contains("2090-01-01T00:00:00.000Z"), "{line}");
    assert!(second.is_at(&authority.connect(&program.url).await));
    for identity in [first, second] {
        assert!(!identity.leaks_into(&program.logged));
    }
}
