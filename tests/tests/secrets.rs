//! Tests that no log record of any crate has a secret or a user's token, at any level, of `log` and of `tracing`.
//!
//! The other side of each connection runs on threads of its own, whose records do not count, because it logs every frame.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::thread;

use futures::{SinkExt as _, StreamExt as _};
use platools::connection::{ConnectionState, Roots, Tls};
use platools::serve::Server;
use platools::{Context, ToolError, ToolRegistry, tool, tools};
use platools_tests::{
    CallerSocket, Gone, KEY, Link, Log, Platform, RuntimeGateway, SECRET, TOKEN, Worker, client, http_client,
    rpc_client, runtime_client, served, within,
};
use platools_transport::crypto_provider;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{accept_async, client_async};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::writer::OptionalWriter;

/// A user's token, as envelopes have it.
const USER_TOKEN: &str = "hunter2-token-of-a-user";

/// The password of a proxy, and what a header has instead.
const PROXY: (&str, &str) = ("hunter2-proxy", "dXNlcjpodW50ZXIyLXByb3h5");

/// The name of threads that belong to the other side.
const PEER: &str = "peer";

/// Records of the whole process, but for those of the other side.
struct Records(Log);

impl log::Log for Records {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if !is_peer() {
            let line = writeln!(self.0.clone(), "log {} {} {}", record.level(), record.target(), record.args());
            line.expect("memory takes it");
        }
    }

    fn flush(&self) {}
}

fn is_peer() -> bool {
    thread::current().name() == Some(PEER)
}

/// The log of the process. It has everything from the first call on.
fn records() -> &'static Log {
    static RECORDS: OnceLock<Records> = OnceLock::new();
    let records = RECORDS.get_or_init(|| Records(Log::default()));
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        log::set_logger(records).expect("there is no other");
        log::set_max_level(log::LevelFilter::Trace);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(|| match is_peer() {
                true => OptionalWriter::none(),
                false => OptionalWriter::some(records.0.clone()),
            })
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("there is no other");
    });
    &records.0
}

/// The forms in which records may have a secret: as it is, and as the bytes of a frame are printed.
fn forms(secret: &str) -> [String; 3] {
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let list = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    [secret.to_owned(), hex, list]
}

/// The beginnings of the lines with a secret.
fn lines_with(log: &Log, secret: &str) -> Vec<String> {
    let forms = forms(secret);
    let text = log.text();
    let lines = text.lines().filter(|line| forms.iter().any(|form| line.contains(form.as_str())));
    lines.map(|line| line.chars().take(300).collect()).collect()
}

fn assert_in_no_record(secrets: &[&str]) {
    for secret in secrets {
        assert_eq!(lines_with(records(), secret), Vec::<String>::new(), "{secret} is in the log");
    }
}

/// Runs the other side: its first result is sent as soon as it is there, such as its address, and its end last.
fn peer<F>(
    run: impl FnOnce(oneshot::Sender<String>) -> F + Send + 'static,
) -> (oneshot::Receiver<String>, oneshot::Receiver<()>)
where
    F: Future<Output = ()>,
{
    let (tell, told) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let steps = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().thread_name(PEER).build();
        runtime.expect("a runtime").block_on(run(tell));
        let _ = end.send(());
    };
    thread::Builder::new().name(PEER.to_owned()).spawn(steps).expect("a thread");
    (told, ended)
}

async fn told(told: oneshot::Receiver<String>) -> String {
    within(told).await.expect("the other side has an address")
}

async fn is_over(ended: oneshot::Receiver<()>) {
    within(ended).await.expect("the other side has not panicked");
}

/// Give the token of the caller back, and say it on the way.
#[tool]
async fn repeats(ctx: &Context, note: Option<String>) -> String {
    let token = ctx.user_token().expect("a token");
    ctx.progress(0.5).message(token).send();
    note.unwrap_or_else(|| token.to_owned())
}

/// Fail with the caller's token at hand.
#[tool]
async fn fails(ctx: &Context) -> Result<String, ToolError> {
    assert_eq!(ctx.user_token(), Some(USER_TOKEN), "it is there");
    Err(ToolError::new("the order is locked"))
}

fn registry() -> ToolRegistry {
    ToolRegistry::new().with_tools(tools![repeats, fails]).expect("valid tools")
}

fn envelopes() -> Value {
    json!({
        "__platos": {"userId": "u", "userToken": USER_TOKEN, "entityToken": USER_TOKEN, "signature": USER_TOKEN},
        "_context": {"userToken": USER_TOKEN},
    })
}

/// Calls with a token in their envelopes, their answers, and frames that are none.
async fn calls<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(link: &mut Link<S>) {
    link.call("repeats", "repeats", envelopes()).await;
    assert_eq!(link.result("repeats").await, USER_TOKEN);
    let mut large = envelopes();
    large["note"] = USER_TOKEN.repeat(10_000).into();
    link.call("large", "repeats", large).await;
    assert!(link.result("large").await.as_str().is_some_and(|text| text.starts_with(USER_TOKEN)));
    link.call("fails", "fails", envelopes()).await;
    link.error("fails").await;
    link.call("unknown", USER_TOKEN, envelopes()).await;
    link.error("unknown").await;
    link.send(json!({"type": "tool_call", "tool_name": "fails", "params": envelopes()})).await;
    link.send(json!({"type": "from_the_future", "token": USER_TOKEN})).await;
    link.send_text(format!("{USER_TOKEN} is no JSON")).await;
    link.call("last", "repeats", envelopes()).await;
    link.result("last").await;
}

#[tokio::test]
async fn the_library_for_websockets_would_be_seen() {
    const SEEN: &str = "a-secret-that-is-seen";
    let log = records();
    log::trace!("{SEEN}");
    tracing::trace!("{SEEN}");
    assert_eq!(lines_with(log, SEEN).len(), 2);
    let (address, over) = peer(async |tell| {
        let platform = Platform::start().await;
        tell.send(platform.address().to_string()).expect("the test waits");
        let mut socket = within(accept_async(platform.accept_tcp().await)).await.expect("an upgrade");
        while let Some(Ok(_)) = within(socket.next()).await {}
    });
    let address = told(address).await;
    let mut request = format!("ws://{address}").into_client_request().expect("a request");
    request.headers_mut().insert("authorization", format!("Bearer {SEEN}").parse().expect("a header"));
    let stream = TcpStream::connect(address).await.expect("it listens");
    let (mut socket, _) = within(client_async(request, stream)).await.expect("an upgrade");
    within(socket.send(Message::text(SEEN))).await.expect("it is open");
    drop(socket);
    is_over(over).await;
    let lines = lines_with(log, SEEN);
    assert!(lines.iter().any(|line| line.contains("Bearer")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(&forms(SEEN)[1])), "{lines:?}");
}

#[tokio::test]
async fn a_worker_logs_neither_its_secret_nor_a_users_token() {
    records();
    let (url, over) = peer(async |tell| {
        let platform = Platform::start().await;
        tell.send(platform.url()).expect("the test waits");
        platform.refuse("401 Unauthorized").await;
        platform.refuse("503 Service Unavailable").await;
        drop(platform.accept_tcp().await);
        let mut link = platform.accept_worker().await;
        assert_eq!(link.header("authorization"), Some(&*format!("Bearer {SECRET}")));
        calls(&mut link).await;
        link.close(4001, "rotated").await;
        platform.accept_worker().await.kill();
        // The replies that were not confirmed come first.
        let mut link = platform.accept().await;
        link.welcome().await;
        link.send(json!({"type": "error", "error": format!("{SECRET} is no secret")})).await;
        link.close(1008, "no secret").await;
        let mut link = platform.accept().await;
        link.welcome().await;
        link.close(1008, SECRET).await;
    });
    let worker = Worker::start(client(&told(url).await, &registry()));
    is_over(over).await;
    within(worker.handle().stop()).await;
    assert_in_no_record(&[SECRET, USER_TOKEN]);
    let text = records().text();
    for logged in
        ["link:", "call{call.id=", "call failed", "connection failed", "... is no secret", "closed with 1008: ..."]
    {
        assert!(text.contains(logged), "the log has {logged}: {text}");
    }
}

#[tokio::test]
async fn a_worker_logs_no_secret_over_tls() {
    records();
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (identity.cert.pem(), identity.signing_key.serialize_pem());
    let trusted = certificate.clone();
    let (port, over) = peer(async move |tell| {
        let platform = Platform::start().await;
        tell.send(platform.address().port().to_string()).expect("the test waits");
        let wire = platform.accept_tcp().await;
        let cut = wire.cut();
        let secured = within(acceptor(&certificate, &key).accept(wire)).await.expect("it trusts us");
        let mut link = Link::upgrade(secured, cut).await.expect("a WebSocket");
        link.registration().await;
        link.welcome().await;
        calls(&mut link).await;
    });
    let url = format!("https://localhost:{}", told(port).await);
    let tls = Tls::new().roots(Roots::OwnOnly).ca_certificates(trusted);
    let worker = Worker::start(client(&url, &registry()).tls(tls));
    is_over(over).await;
    worker.reaches(|state| !state.is_connected()).await;
    assert_in_no_record(&[SECRET, USER_TOKEN]);
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(crypto_provider());
    let config = config.with_safe_default_protocol_versions().expect("the provider has them").with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate], key).expect("they belong together")).into()
}

/// The environment names a proxy for a whole process, so this test runs itself in another one.
#[tokio::test]
async fn a_worker_logs_no_password_of_its_proxy() {
    const INSIDE: &str = "PLATOOLS_TEST_HAS_A_PROXY";
    records();
    if std::env::var_os(INSIDE).is_some() {
        let worker = Worker::start(client("http://platform.test", &registry()));
        worker.reaches(ConnectionState::is_connected).await;
        worker.reaches(|state| !state.is_connected()).await;
        return assert_in_no_record(&[SECRET, USER_TOKEN, PROXY.0, PROXY.1]);
    }
    let (address, over) = peer(async |tell| {
        let proxy = Platform::start().await;
        tell.send(proxy.address().to_string()).expect("the test waits");
        let (wire, head) = proxy.accept_tunnel().await;
        assert!(head.contains(PROXY.1), "{head}");
        let cut = wire.cut();
        let mut link = Link::upgrade(wire, cut).await.expect("a WebSocket");
        link.registration().await;
        link.welcome().await;
        calls(&mut link).await;
    });
    let proxy = format!("http://user:{}@{}", PROXY.0, told(address).await);
    let inside = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_worker_logs_no_password_of_its_proxy"])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .envs([("HTTP_PROXY", proxy.as_str()), ("http_proxy", proxy.as_str()), (INSIDE, "1")])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let (inside, ()) = tokio::join!(within(inside), is_over(over));
    let inside = inside.expect("it runs");
    let printed = String::from_utf8_lossy(&inside.stdout);
    assert!(inside.status.success() && printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
async fn a_caller_logs_neither_its_token_nor_what_is_said() {
    records();
    let (url, over) = peer(async |tell| {
        let gateway = Platform::start().await;
        tell.send(gateway.url()).expect("the test waits");
        gateway.refuse("401 Unauthorized").await;
        let (mut link, params) = CallerSocket::accept(&gateway).await;
        assert_eq!(params["token"], TOKEN);
        link.fail("connect", json!({"code": "UNAVAILABLE", "message": TOKEN})).await;
        let mut link = CallerSocket::connected(&gateway).await;
        let request = link.request("tools.call").await;
        link.reply(request["id"].clone(), json!({"result": USER_TOKEN})).await;
        link.send_text(USER_TOKEN).await;
        link.kill();
    });
    let client = rpc_client(&told(url).await).start().expect("a valid client");
    let mut states = client.watch_state();
    within(states.wait_for(ConnectionState::is_connected)).await.expect("the client lives");
    let _ = within(client.call_tool("t", json!({"password": USER_TOKEN})).send::<Value>()).await;
    is_over(over).await;
    drop(client);
    assert_in_no_record(&[TOKEN, USER_TOKEN]);
}

#[tokio::test]
async fn an_agent_logs_neither_its_key_nor_a_ticket() {
    const PRIVATE_KEY: &str = "hunter2-private-key-of-an-agent";
    records();
    let (tell_ticket, ticket) = oneshot::channel();
    let (url, over) = peer(async move |tell| {
        let mut gateway = RuntimeGateway::start().await;
        tell.send(gateway.url()).expect("the test waits");
        let mut link = gateway.socket().await;
        let ticket = link.uri().split_once('=').expect("a ticket").1.to_owned();
        tell_ticket.send(ticket).expect("the test waits");
        link.send_text(format!(r#"{{"{USER_TOKEN}":1}}"#)).await;
        link.kill();
        gateway.socket().await;
    });
    let client = runtime_client(&told(url).await).metadata(json!({"password": USER_TOKEN})).private_key(PRIVATE_KEY);
    let client = client.build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let ticket = within(ticket).await.expect("a ticket");
    is_over(over).await;
    assert_in_no_record(&[KEY, &ticket, USER_TOKEN, PRIVATE_KEY]);
}

#[tokio::test]
async fn a_local_server_does_not_log_its_bearer() {
    const BEARER: &str = "hunter2-bearer-of-a-server";
    records();
    let server = Server::new(served(Gone::default())).http(BEARER).address(([127, 0, 0, 1], 0));
    let server = within(server.bind()).await.expect("it listens");
    let url = format!("http://{}/mcp", server.local_addr());
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(server.run_until(async move { drop(stopped.await) }));
    let (_, over) = peer(async move |_| {
        let ask = |bearer: &str, body: Value| {
            let request = http_client().post(&url).bearer_auth(bearer);
            let request = request.header("accept", "application/json, text/event-stream");
            request.header("content-type", "application/json").body(body.to_string()).send()
        };
        let client = json!({"name": "t", "version": "0"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
        let wrong = within(ask(&format!("{BEARER}-not"), hello.clone())).await.expect("an answer");
        assert_eq!(wrong.status(), 401);
        let right = within(ask(BEARER, hello)).await.expect("an answer");
        assert_eq!(right.status(), 200);
        assert!(within(right.text()).await.expect("a body").contains("serverInfo"));
    });
    is_over(over).await;
    drop(stop);
    within(run).await.expect("it ends");
    assert_in_no_record(&[BEARER]);
}
