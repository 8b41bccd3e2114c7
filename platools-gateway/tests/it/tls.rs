//! Tests of TLS at the listener, and of its certificates.

use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::program_process::output;
use crate::support::{Worker, within};
use crate::test_certificates::{Authority, Folder, Identity, handshake, restrict};

/// A gateway with the certificate of a folder.
pub(crate) async fn gateway(folder: &Folder) -> Gateway {
    within(Gateway::builder().tls(folder.certificate(), folder.key()).start()).await.unwrap()
}

/// A worker's socket, which was let in.
pub(crate) async fn worker(authority: &Authority, gateway: &Gateway) -> Worker<TlsStream<TcpStream>> {
    let secret = gateway.add_entity("orders").await.unwrap();
    let mut request = "wss://localhost/ws/sdk".into_client_request().unwrap();
    let bearer = format!("Bearer {}", secret.expose_secret());
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    let stream = authority.connect(&gateway.url()).await;
    let (socket, _) = within(client_async(request, stream)).await.unwrap();
    let mut worker = Worker::from(socket);
    worker.expect("welcome").await;
    worker
}

/// Posts, and returns the status line and the body.
async fn post(mut stream: TlsStream<TcpStream>, path: &str, key: &str, body: Value) -> (String, Value) {
    let (path, body) = (format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close"), body.to_string());
    let head = format!("{path}\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n", body.len());
    within(stream.write_all(format!("{head}{body}").as_bytes())).await.unwrap();
    let mut answer = String::new();
    // A connection that ends without TLS being told would be an error.
    within(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn workers_and_callers_are_served_over_tls() {
    let authority = Authority::new();
    let gateway = gateway(&Folder::with(&authority.issue())).await;
    assert_eq!(gateway.url(), format!("https://{}", gateway.address()));
    let mut worker = worker(&authority, &gateway).await;
    worker.register(&["echo"]).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let stream = authority.connect(&gateway.url()).await;
    let call = tokio::spawn(async move {
        post(stream, "/v1/tools/echo/call", key.expose_secret(), json!({"arguments": {"text": "x".repeat(100_000)}}))
            .await
    });
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, frame["params"]["text"].clone()).await;
    let (status, body) = within(call).await.unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK", "{body}");
    assert_eq!(body["result"], "x".repeat(100_000));
    within(gateway.shutdown()).await;
    assert_eq!(worker.closed().await.0, 1001);
}

#[tokio::test]
async fn a_caller_stays_connected_over_tls() {
    let authority = Authority::new();
    let gateway = gateway(&Folder::with(&authority.issue())).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let stream = authority.connect(&gateway.url()).await;
    let (socket, _) = within(client_async("wss://localhost/ws", stream)).await.unwrap();
    let mut caller = Worker::from(socket);
    let params = json!({"token": key.expose_secret(), "user_id": "user_123"});
    caller.send(json!({"type": "req", "id": "1", "method": "connect", "params": params})).await;
    assert_eq!(caller.expect("res").await["payload"]["role"], "operator");
}

#[tokio::test]
async fn both_versions_are_spoken_and_nothing_but_http_1_1_inside() {
    let authority = Authority::new();
    let gateway = gateway(&Folder::with(&authority.issue())).await;
    for version in [&TLS12, &TLS13] {
        let connector = authority.trusting(&[version], &[b"h2", b"http/1.1"]);
        let stream = handshake(&connector, &gateway.url()).await.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(version.version));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
    handshake(&authority.trusting(&[&TLS13], &[b"h2"]), &gateway.url()).await.unwrap_err();
}

#[tokio::test]
async fn a_gateway_without_a_certificate_that_can_be_used_does_not_start_and_makes_no_database() {
    let authority = Authority::new();
    let folder = Folder::with(&Identity { certificate: authority.issue().certificate, key: authority.issue().key });
    let data = folder.path().join("data");
    let setup = Gateway::builder().data_folder(&data).tls(folder.certificate(), folder.key());
    let error = within(setup.start()).await.unwrap_err();
    assert!(error.to_string().contains("key.pem does not belong to the first certificate in "), "{error}");
    assert!(!data.exists());
}

#[tokio::test]
async fn a_gateway_that_is_started_again_serves_tls_as_before() {
    let authority = Authority::new();
    let identity = authority.issue();
    let folder = Folder::with(&identity);
    let gateway = gateway(&folder).await;
    let again = within(within(gateway.stop()).await.start()).await.unwrap();
    assert!(identity.is_at(&authority.connect(&again.url()).await));
}

#[tokio::test]
async fn config_check_reads_certificate_and_key() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    let flags = folder.flags();
    let [certificate, its_path, key, key_path] = flags.each_ref().map(String::as_str);
    let arguments = ["config", "check", "--data", "/d", certificate, its_path, key, key_path];
    let checked = output(&arguments).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let printed = String::from_utf8(checked.stdout).unwrap();
    let expected = format!("[tls]\ncertificate = \"{its_path}\"\nkey = \"{key_path}\"\n");
    assert!(printed.contains(&expected), "{printed}");
    assert!(checked.stderr.is_empty(), "{}", String::from_utf8_lossy(&checked.stderr));

    restrict(&folder.key(), 0o644);
    let checked = output(&arguments).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let warning = String::from_utf8(checked.stderr).unwrap();
    assert!(cfg!(not(unix)) || warning.contains("every user of the machine can read the TLS key"), "{warning}");

    for (identity, part) in [
        (authority.issue_until(2002), "certificate.pem expired at 2002-01-01T00:00:00.000Z"),
        (Identity { certificate: String::new(), ..authority.issue() }, "certificate.pem has no CERTIFICATE section"),
        (Identity { key: String::new(), ..authority.issue() }, "key.pem has no PRIVATE KEY section"),
    ] {
        folder.replace(&identity);
        let checked = output(&arguments).await;
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        let error = String::from_utf8(checked.stderr).unwrap();
        assert!(error.starts_with("error: the TLS ") && error.contains(part), "{error}");
        assert!(checked.stdout.is_empty());
    }
}
