//! Tests of a worker's TLS, proxy and signed calls, and of the secrets that it keeps out of logs.

use std::process::Stdio;
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

use platools::client::{PlatoolsClientBuilder, Signatures};
use platools::connection::{ConnectionState, OnRefusal, Roots, Tls};
use platools::{Context, Error, ErrorKind, Secret, ToolError, ToolRegistry, tool, tools};
use platools_client::RuntimeErrorKind;
use platools_gateway::Gateway;
use platools_protocol::signature::{call_body, sign};
use platools_tests::{
    KEY, Link, Log, Platform, RuntimeGateway, SECRET, TOKEN as RPC_TOKEN, USER, Unreachable, Wire, Worker, client,
    keep_links_here, quick, rpc_client, runtime_client, with_causes, within,
};
use platools_transport::crypto_provider;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::{Child, Command};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Give the number back.
#[tool]
async fn echo(number: i64) -> i64 {
    number
}

fn registry() -> ToolRegistry {
    ToolRegistry::new().with_tools(tools![echo]).expect("a valid tool")
}

async fn serves<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(link: &mut Link<S>) {
    link.call("served", "echo", json!({"number": 7})).await;
    assert_eq!(link.result("served").await, 7);
}

/// A certificate and its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
}

/// Certificate authority of a test.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.self_signed(&key).expect("a valid certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
        params.extended_key_usages.push(purpose);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("a valid certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    fn server(&self, name: &str) -> Identity {
        self.issue(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn client(&self) -> Identity {
        self.issue("worker", ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn trusted(&self) -> Tls {
        Tls::new().roots(Roots::OwnOnly).ca_certificates(self.certificate.clone())
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

/// A server of that identity, which asks for certificates of these authorities' clients, if any.
fn acceptor(identity: &Identity, clients_of: Option<&Authority>) -> TlsAcceptor {
    let provider = crypto_provider();
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().expect("the provider has them");
    let config = match clients_of {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(&authority.certificate)).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.expect("there is an authority"))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let config = config.with_single_cert(vec![certificate(&identity.certificate)], key).expect("they belong together");
    Arc::new(config).into()
}

/// Takes a connection over.
async fn accept_tls(wire: Wire, acceptor: &TlsAcceptor) -> io::Result<Link<TlsStream<Wire>>> {
    let cut = wire.cut();
    let secured = within(acceptor.accept(wire)).await?;
    Link::upgrade(secured, cut).await.map_err(io::Error::other)
}

fn secure_client(platform: &Platform, tls: Tls) -> PlatoolsClientBuilder {
    let port = platform.address().port();
    client(&format!("https://localhost:{port}"), &registry()).tls(tls)
}

/// A session that must not come about.
async fn fails(tls: Tls, acceptor: &TlsAcceptor) -> Error {
    let platform = Platform::start().await;
    let mut client = secure_client(&platform, tls).build().expect("a valid client");
    let server = async { accept_tls(platform.accept_tcp().await, acceptor).await.map(drop) };
    let (ended, accepted) = within(async { tokio::join!(client.run_session(), server) }).await;
    accepted.expect_err("there is no upgrade, and so no secret on the wire");
    let error = ended.expect_err("there is no session");
    assert_eq!(error.kind(), ErrorKind::Connection);
    error
}

#[tokio::test]
async fn a_platform_with_a_certificate_of_ones_own_authority_is_trusted() {
    let (authority, platform) = (Authority::new(), Platform::start().await);
    let _worker = Worker::start(secure_client(&platform, authority.trusted()));
    let acceptor = acceptor(&authority.server("localhost"), None);
    let mut link = accept_tls(platform.accept_tcp().await, &acceptor).await.expect("a secure WebSocket");
    assert_eq!(link.header("authorization"), Some(&*format!("Bearer {SECRET}")));
    link.registration().await;
    serves(&mut link).await;
}

#[tokio::test]
async fn a_caller_trusts_whom_a_worker_trusts() {
    let (ours, theirs, gateway) = (Authority::new(), Authority::new(), Platform::start().await);
    let url = format!("https://localhost:{}", gateway.address().port());
    let acceptor = acceptor(&ours.server("localhost"), None);
    let serving = async {
        let mut link = accept_tls(gateway.accept_tcp().await, &acceptor).await.expect("a secure WebSocket");
        assert_eq!((link.uri().as_str(), link.header("authorization")), ("/ws", None));
        let request = link.expect("req").await;
        assert_eq!(request["params"]["token"], RPC_TOKEN);
        let payload = json!({"protocol": 3, "role": "operator", "user_id": USER});
        link.send(json!({"type": "res", "id": request["id"], "ok": true, "payload": payload})).await;
    };
    let connecting = rpc_client(&url).tls(ours.trusted()).connect();
    let (client, ()) = within(async { tokio::join!(connecting, serving) }).await;
    assert!(client.expect("it connects").state().is_connected());

    let server = async { accept_tls(gateway.accept_tcp().await, &acceptor).await.map(drop) };
    let connecting = rpc_client(&url).tls(theirs.trusted()).connect();
    let (client, accepted) = within(async { tokio::join!(connecting, server) }).await;
    accepted.expect_err("there is no upgrade, and so no token on the wire");
    assert_eq!(client.expect_err("there is no connection").kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_gateway_with_a_certificate_of_ones_own_authority_is_served_and_found_again() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a temporary folder"));
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let identity = authority.server("localhost");
    fs::write(&certificate, identity.certificate).expect("it can be written");
    fs::write(&key, identity.key).expect("it can be written");
    let gateway = within(Gateway::builder().tls(&certificate, &key).start()).await.expect("a gateway");
    let secret = gateway.add_entity("orders").await.expect("a secret");
    let url = format!("https://localhost:{}", gateway.address().port());
    let client = client(&url, &registry()).secret(Secret::value(secret.expose_secret()));
    let worker = Worker::start(client.tls(authority.trusted()));
    worker.reaches(ConnectionState::is_connected).await;
    let stopped = within(gateway.stop()).await;
    worker.reaches(|state| !state.is_connected()).await;
    let _again = within(stopped.start()).await.expect("the same gateway");
    worker.reaches(ConnectionState::is_connected).await;
}

#[tokio::test]
async fn a_platform_with_a_certificate_of_an_unknown_authority_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let acceptor = acceptor(&theirs.server("localhost"), None);
    for tls in [ours.trusted(), Tls::new(), Tls::new().roots(Roots::WebPki)] {
        let error = fails(tls, &acceptor).await;
        assert!(with_causes(&error).contains("certificate"), "{}", with_causes(&error));
    }
}

#[tokio::test]
async fn a_platform_with_a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let error = fails(authority.trusted(), &acceptor(&authority.server("other.test"), None)).await;
    assert!(with_causes(&error).contains("valid for name"), "{}", with_causes(&error));
}

#[tokio::test]
async fn a_client_certificate_is_presented_where_one_is_required() {
    let (authority, platform) = (Authority::new(), Platform::start().await);
    let identity = authority.client();
    let tls = authority.trusted().client_certificate(identity.certificate.clone(), identity.key);
    let _worker = Worker::start(secure_client(&platform, tls));
    let acceptor = acceptor(&authority.server("localhost"), Some(&authority));
    let wire = platform.accept_tcp().await;
    let cut = wire.cut();
    let secured = within(acceptor.accept(wire)).await.expect("both certificates are good");
    let presented = secured.get_ref().1.peer_certificates().expect("one was presented").to_vec();
    assert_eq!(presented, [certificate(&identity.certificate)]);
    let mut link = Link::upgrade(secured, cut).await.expect("a secure WebSocket");
    link.registration().await;
    serves(&mut link).await;
}

#[tokio::test]
async fn without_the_client_certificate_that_is_required_there_is_no_session() {
    let (authority, other) = (Authority::new(), Authority::new());
    let acceptor = acceptor(&authority.server("localhost"), Some(&authority));
    let stranger = other.client();
    for tls in [authority.trusted(), authority.trusted().client_certificate(stranger.certificate, stranger.key)] {
        fails(tls, &acceptor).await;
    }
}

/// A worker that finds its settings in its own environment and nowhere else.
fn program(environment: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_worker"))
        .env_clear()
        .env("PLATOS_SECRET", SECRET)
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the worker starts")
}

async fn greets<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(link: &mut Link<S>) {
    assert_eq!(link.header("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert_eq!(link.registration().await, ["greet", "process", "hold"]);
    link.call("c", "greet", json!({"name": "proxy"})).await;
    assert_eq!(link.result("c").await, "Hello, proxy!");
}

#[tokio::test]
async fn an_agent_trusts_whom_a_worker_trusts() {
    let (ours, theirs, listener) = (Authority::new(), Authority::new(), Platform::start().await);
    let url = format!("https://localhost:{}", listener.address().port());
    let acceptor = acceptor(&ours.server("localhost"), None);
    let mut gateway = RuntimeGateway::start().await;
    let client = runtime_client(&url).tls(ours.trusted()).build().expect("a valid client");
    let serving = async {
        // Requests have one connection after the other, and the socket has another.
        for _ in 0..2 {
            gateway.serve(within(acceptor.accept(listener.accept_tcp().await)).await.expect("it is secure"));
        }
    };
    let (session, ()) = within(async { tokio::join!(client.connect(), serving) }).await;
    session.expect("it connects");
    gateway.socket().await;

    let client = runtime_client(&url).tls(theirs.trusted()).build().expect("a valid client");
    let server = async { within(acceptor.accept(listener.accept_tcp().await)).await.map(drop) };
    let (session, accepted) = within(async { tokio::join!(client.connect(), server) }).await;
    accepted.expect_err("there is no request, and so no key on the wire");
    assert_eq!(session.expect_err("there is no session").kind(), RuntimeErrorKind::Connection);
}

#[tokio::test]
async fn an_agent_goes_through_the_proxy_of_the_environment() {
    let (proxy, mut gateway) = (Platform::start().await, RuntimeGateway::start().await);
    let _program = Command::new(env!("CARGO_BIN_EXE_session"))
        .env_clear()
        .envs([("AGENT_URL", "http://gateway.test:8080"), ("AGENT_KEY", KEY), ("HTTP_PROXY", &proxy.url())])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the agent starts");
    for _ in 0..2 {
        let (wire, head) = proxy.accept_tunnel().await;
        assert!(head.starts_with("CONNECT gateway.test:8080 HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains(KEY), "the key is not the proxy's business: {head}");
        gateway.serve(wire);
    }
    let mut link = gateway.socket().await;
    assert_eq!(link.expect("hello").await["data"], json!({"from": "0x1"}));
}

#[tokio::test]
async fn a_worker_takes_its_settings_from_the_environment() {
    let platform = Platform::start().await;
    let _program = program(&[("PLATOS_URL", &platform.url())]);
    greets(&mut platform.accept().await).await;
}

#[tokio::test]
async fn a_worker_takes_its_secret_from_the_file_that_the_environment_names() {
    let platform = Platform::start().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{SECRET}\n")).expect("it is written");
    let path = file.path().to_str().expect("UTF-8");
    let environment =
        [("PLATOS_URL", &*platform.url()), ("PLATOS_SECRET_FILE", path), ("PLATOS_SECRET", "another-secret")];
    let _program = program(&environment);
    greets(&mut platform.accept().await).await;
}

#[tokio::test]
async fn a_worker_goes_through_the_proxy_of_the_environment() {
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let proxy = Platform::start().await;
        // No resolver knows this name: only the proxy is asked for it.
        let _program = program(&[("PLATOS_URL", "http://platform.test:8080"), (variable, &proxy.url())]);
        let (wire, head) = proxy.accept_tunnel().await;
        assert!(head.starts_with("CONNECT platform.test:8080 HTTP/1.1\r\n"), "{head}");
        assert!(!head.to_lowercase().contains("authorization"), "the secret is not the proxy's business: {head}");
        let cut = wire.cut();
        greets(&mut Link::upgrade(wire, cut).await.expect("a WebSocket")).await;
    }
}

#[tokio::test]
async fn a_worker_authenticates_with_its_proxy() {
    let proxy = Platform::start().await;
    let with_password = format!("http://user:pass@{}", proxy.address());
    let _program = program(&[("PLATOS_URL", "http://platform.test"), ("HTTP_PROXY", &with_password)]);
    let (wire, head) = proxy.accept_tunnel().await;
    assert!(head.starts_with("CONNECT platform.test:80 HTTP/1.1\r\n"), "{head}");
    let authorization = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then_some(value)
    });
    assert_eq!(authorization, Some("Basic dXNlcjpwYXNz"));
    let cut = wire.cut();
    greets(&mut Link::upgrade(wire, cut).await.expect("a WebSocket")).await;
}

#[tokio::test]
async fn a_secure_connection_goes_through_the_proxy_end_to_end() {
    let (authority, proxy) = (Authority::new(), Platform::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, &authority.certificate).expect("it can be written");
    let _program = program(&[
        ("PLATOS_URL", "https://platform.test"),
        ("HTTPS_PROXY", &proxy.url()),
        ("SSL_CERT_FILE", trusted.to_str().expect("a path of text")),
    ]);
    let (wire, head) = proxy.accept_tunnel().await;
    assert!(head.starts_with("CONNECT platform.test:443 HTTP/1.1\r\n"), "{head}");
    let acceptor = acceptor(&authority.server("platform.test"), None);
    greets(&mut accept_tls(wire, &acceptor).await.expect("a secure WebSocket")).await;
}

#[tokio::test]
async fn hosts_without_a_proxy_are_dialled_directly() {
    let (platform, nowhere) = (Platform::start().await, Unreachable::start());
    let url = platform.url();
    let _program =
        program(&[("PLATOS_URL", &url), ("HTTP_PROXY", &nowhere.url()), ("NO_PROXY", "example.test,127.0.0.1")]);
    greets(&mut platform.accept().await).await;
}

/// Params signed at this moment.
fn signed(arguments: &str, nonce: &str) -> String {
    let now = OffsetDateTime::from(SystemTime::now()).format(&Rfc3339).expect("a date");
    let signature = sign(SECRET, &now, Some(nonce), &call_body("echo", arguments));
    let envelope = json!({"entityId": "e", "userId": "u", "timestamp": now, "nonce": nonce, "signature": signature});
    let open = arguments.strip_suffix('}').expect("an object");
    format!("{open},\"__platos\":{envelope}}}")
}

fn call(call_id: &str, params: &str) -> String {
    format!(r#"{{"type":"tool_call","call_id":"{call_id}","tool_name":"echo","params":{params}}}"#)
}

#[tokio::test]
async fn a_signed_call_is_served_and_a_forged_or_repeated_one_refused() {
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry()).signatures(Signatures::Require));
    let mut link = platform.accept_worker().await;
    let params = signed(r#"{"number": 7}"#, "n-1");

    link.send_text(call("good", &params)).await;
    assert_eq!(link.result("good").await, 7);
    link.send_text(call("replayed", &params)).await;
    assert_eq!(link.error("replayed").await, "the call's signature was rejected: nonce_replay");

    link.send_text(call("good", &params)).await;
    link.send_text(call("after", &signed(r#"{"number": 8}"#, "n-5"))).await;
    assert_eq!(link.result("after").await, 8, "a call that is sent again is neither run nor answered again");

    let forged = signed(r#"{"number": 7}"#, "n-2").replace(r#""number": 7"#, r#""number": 8"#);
    link.send_text(call("tampered", &forged)).await;
    assert_eq!(link.error("tampered").await, "the call's signature was rejected: signature_mismatch");
    let renamed = call("renamed", &signed(r#"{"number": 7}"#, "n-3")).replace(r#""echo""#, r#""other""#);
    link.send_text(renamed).await;
    assert_eq!(link.error("renamed").await, "the call's signature was rejected: signature_mismatch");
    link.call("unsigned", "echo", json!({"number": 7})).await;
    assert_eq!(link.error("unsigned").await, "the call's signature was rejected: signature_missing");

    link.send_text(call("good-again", &signed(r#"{"number": 9}"#, "n-4"))).await;
    assert_eq!(link.result("good-again").await, 9);
}

#[tokio::test]
async fn a_nonce_stays_used_up_over_a_reconnect() {
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry()).signatures(Signatures::Require));
    let mut link = platform.accept_worker().await;
    let params = signed(r#"{"number": 7}"#, "n-1");
    link.send_text(call("first", &params)).await;
    assert_eq!(link.result("first").await, 7);
    link.kill();
    let mut link = platform.accept_worker().await;
    assert_eq!(link.result("first").await, 7, "unconfirmed, so sent again");
    link.send_text(call("replayed", &params)).await;
    assert_eq!(link.error("replayed").await, "the call's signature was rejected: nonce_replay");
}

#[tokio::test]
async fn signatures_are_not_looked_at_by_default() {
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry()));
    let mut link = platform.accept_worker().await;
    link.call("c", "echo", json!({"number": 7, "__platos": {"signature": "none"}})).await;
    assert_eq!(link.result("c").await, 7);
}

/// Fail with the caller's token at hand.
#[tool]
async fn fails_for(ctx: &Context) -> Result<String, ToolError> {
    assert_eq!(ctx.user_token(), Some(TOKEN), "it is there");
    Err(ToolError::new("the order is locked"))
}

/// Panic with the caller's token at hand.
#[tool]
async fn panics_for(ctx: &Context) -> String {
    assert_eq!(ctx.user_token(), Some(TOKEN), "it is there");
    panic!("oh no")
}

/// Secret that no log may have.
const TOKEN: &str = "a-token-of-a-user";

/// A call of every kind, each with the token in its envelope, and every answer to it.
async fn calls_of_every_kind(link: &mut Link) {
    let platos = || json!({"userId": "u", "userToken": TOKEN, "entityToken": TOKEN, "signature": TOKEN});
    link.call("echo", "echo", json!({"number": 7, "__platos": platos()})).await;
    link.result("echo").await;
    for tool in ["fails_for", "panics_for", "unknown"] {
        link.call(tool, tool, json!({"__platos": platos()})).await;
        link.error(tool).await;
    }
    link.call("bad-type", "echo", json!({"number": TOKEN, "__platos": platos()})).await;
    link.error("bad-type").await;
    link.call("bad-name", "fails_for", json!({TOKEN: 1, "__platos": platos()})).await;
    link.error("bad-name").await;
    for frame in [
        json!({"type": "tool_call", "tool_name": "echo", "params": {"__platos": platos()}}),
        json!({"type": "welcome", "sdk_connection_id": [TOKEN]}),
        json!({"type": "from_the_future", "token": TOKEN}),
        json!([TOKEN]),
    ] {
        link.send(frame).await;
    }
    link.send_text(format!("{TOKEN} is no JSON")).await;
    link.call("malformed", "echo", Value::from(TOKEN)).await;
    link.error("malformed").await;
}

#[tokio::test]
async fn secrets_are_in_no_log_whatever_happens() {
    keep_links_here().await;
    let log = Log::of_process();

    let registry = ToolRegistry::new().with_tools(tools![echo, fails_for, panics_for]).expect("valid tools");
    let platform = Platform::start().await;
    let worker = Worker::start(client(&platform.url(), &registry));
    platform.refuse("401 Unauthorized").await;
    drop(platform.accept_tcp().await);
    let mut link = platform.accept_worker().await;
    calls_of_every_kind(&mut link).await;
    link.close(4001, "rotated").await;
    platform.accept_worker().await.kill();
    // What was not confirmed comes again, and is not confirmed either.
    drop(platform.accept_worker().await);
    within(worker.handle().stop()).await;

    let failing = client(&platform.url(), &registry)
        .signatures(Signatures::Require)
        .reconnect(quick().on_refusal(OnRefusal::Fail));
    let worker = Worker::start(failing);
    let mut link = platform.accept_worker().await;
    link.call("unsigned", "echo", json!({"number": 7, "__platos": {"userToken": TOKEN}})).await;
    link.error("unsigned").await;
    link.send(json!({"type": "error", "error": "unknown secret"})).await;
    link.close(1008, "unknown secret").await;
    let error = worker.ended().await.expect_err("a refusal is final here");

    let text = log.text();
    for logged in ["link:", "call{call.id=", "call failed", "the order is locked", "oh no", "401", "signature_missing"]
    {
        assert!(text.contains(logged), "the log has {logged}: {text}");
    }
    for secret in [SECRET, TOKEN] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
        assert!(!format!("{error:?} {error}").contains(secret));
    }
}

#[tokio::test]
async fn secrets_are_in_no_debug_output() {
    let identity = Authority::new().client();
    let tls = Tls::new().client_certificate(identity.certificate, identity.key.clone());
    let key_line = identity.key.lines().nth(1).expect("a line of the key");
    let platform = Platform::start().await;
    let builder = || client(&platform.url(), &registry()).tls(tls.clone());
    let client = builder().build().expect("a valid client");
    let shown = [
        format!("{:?}", Secret::value(SECRET)),
        format!("{tls:?}"),
        format!("{:#?}", builder()),
        format!("{client:#?}"),
        format!("{:?}", client.handle()),
    ];
    for text in shown {
        assert!(!text.contains(SECRET) && !text.contains(key_line), "{text}");
    }
}
