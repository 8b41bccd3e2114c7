//! Tests of models and gateways that are reached through an HTTP proxy.

use std::net::SocketAddr;
use std::process::Stdio;

use platools_gateway::{Gateway, HttpSettings, Role};
use rmcp::ServiceExt as _;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;

use crate::connect_proxy::ConnectProxy;
use crate::https_server::Secured;
use crate::mcp_bridge::Listener;
use crate::model_server::{KEY, Model};
use crate::program_process::{Program, command};
use crate::support::{Answer, Caller, Dial, ended, gateway_with, within};

/// `user:hunter2`, as basic authentication has it.
const AUTHORIZATION: &str = "Basic dXNlcjpodW50ZXIy";

/// The address of a URL on a loopback name.
fn address(url: &str) -> SocketAddr {
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap();
    format!("127.0.0.1:{port}").parse().unwrap()
}

/// A gateway whose model is at a URL, with these variables, and its log.
async fn thinking(url: &str, variables: &[(&str, &str)]) -> (Program, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--model-url", url, "--model", "m"]);
    command.args(["--log-filter", "trace"]);
    command.env("TMPDIR", folder.path()).env("OPENAI_API_KEY", KEY).envs(variables.iter().copied());
    (Program::logging_to(log, command).await, folder)
}

fn log(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("log")).unwrap()
}

fn ask(program: &Program) -> tokio::task::JoinHandle<Answer> {
    let caller = Caller::at(&program.url).key("platools-dev-admin");
    let body = json!({"model": "main", "messages": [{"role": "user", "content": "hi"}]});
    tokio::spawn(async move { caller.post("/v1/chat/completions", body).await })
}

#[tokio::test]
async fn a_model_behind_https_is_asked_through_the_proxy() {
    let (listener, url, authority) = Secured::listen().await;
    let mut proxy = ConnectProxy::start(Some(address(&url))).await;
    let port = address(&url).port();
    let mut model = Model::serve(listener, format!("https://model.test:{port}/v1"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let proxy_url = proxy.url();
    let variables =
        [("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", ""), ("HTTPS_PROXY", proxy_url.as_str())];
    let (program, folder) = thinking(&model.url, &variables).await;
    let answer = ask(&program);
    let head = proxy.asked().await;
    assert!(head.starts_with(&format!("CONNECT model.test:{port} HTTP/1.1\r\n")), "{head}");
    assert!(
        head.to_ascii_lowercase().contains(&format!("proxy-authorization: {AUTHORIZATION}").to_ascii_lowercase()),
        "{head}"
    );
    assert!(!head.contains(KEY), "the proxy does not see the model's key");
    let asked = model.asked().await;
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert!(!asked.headers.contains_key("proxy-authorization"));
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
    assert!(!log(&folder).contains("hunter2") && !log(&folder).contains(AUTHORIZATION));
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_named_without_its_password() {
    let mut proxy = ConnectProxy::start(None).await;
    let (program, folder) = thinking("http://model.test/v1", &[("ALL_PROXY", proxy.url().as_str())]).await;
    let answer = ask(&program);
    assert!(proxy.asked().await.starts_with("CONNECT model.test:80 HTTP/1.1\r\n"));
    let answer = ended(answer).await;
    assert_eq!(answer.body["error"]["message"], "the model cannot be reached; try again later");
    let log = log(&folder);
    assert!(log.contains("opened no tunnel: tunnel error: proxy authorization required"), "{log}");
    assert!(!log.contains("hunter2") && !log.contains(AUTHORIZATION), "{log}");
}

#[tokio::test]
async fn a_model_on_this_machine_is_asked_without_the_proxy() {
    let mut proxy = ConnectProxy::start(None).await;
    let mut model = Model::start().await;
    let (program, _folder) =
        thinking(&model.url, &[("ALL_PROXY", proxy.url().as_str()), ("http_proxy", proxy.url().as_str())]).await;
    let answer = ask(&program);
    model.asked().await.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
    assert!(proxy.is_left_alone());
}

#[tokio::test]
async fn the_bridge_goes_through_the_proxy_and_warns_of_a_key_over_plain_http() {
    let mut settings = HttpSettings::default();
    settings.names = vec!["gateway.test".to_owned()];
    let (gateway, secret, _) = gateway_with(Gateway::builder().http(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap().expose_secret().to_owned();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let mut proxy = ConnectProxy::start(Some(gateway.address())).await;
    for (host, is_warned) in [("gateway.test", true), ("127.0.0.1", false)] {
        let url = format!("http://{host}:{}", gateway.address().port());
        let mut command = command(&["mcp", "--url", &url]);
        command.env("PLATOOLS_GATEWAY_KEY", &key).env("HTTP_PROXY", proxy.url()).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let client = within(Listener::default().serve(streams)).await.unwrap();
        assert_eq!(within(client.list_all_tools()).await.unwrap().len(), 1);
        within(client.cancel()).await.unwrap();
        let said = String::from_utf8(within(child.wait_with_output()).await.unwrap().stderr).unwrap();
        assert_eq!(said.matches("over plain http").count(), usize::from(is_warned), "{host}: {said}");
        assert!(!said.contains(&key) && !said.contains("hunter2"), "{said}");
        if is_warned {
            assert!(proxy.asked().await.starts_with(&format!("CONNECT {host}:")));
            while !proxy.is_left_alone() {}
        }
    }
    assert!(proxy.is_left_alone(), "loopback has no proxy");
}
