//! Certificates that are replaced while a gateway runs.

use std::time::Duration;

use platools_gateway::Gateway;
use tokio::time::sleep;
use tokio_rustls::rustls::version::TLS12;

use crate::authority::{Authority, Folder, Identity, handshake};
use crate::support::within;
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
