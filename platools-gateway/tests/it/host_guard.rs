//! Tests of the guard before every route: the hosts that the gateway answers to, and the web pages that may use it.

use std::net::SocketAddr;

use platools_gateway::dev::{self, DevOptions};
use platools_gateway::limits::Limits;
use platools_gateway::{Gateway, HttpSettings};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::program_process::{Program, command, output};
use crate::raw_http::{RawAnswer, send};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, within};

/// A route of every kind, and a path that has none.
const ROUTES: [&str; 13] = [
    "GET /health",
    "GET /ready",
    "GET /metrics",
    "GET /openapi.json",
    "GET /v1/tools",
    "POST /v1/tools/echo/call",
    "PATCH /v1/tools/echo",
    "DELETE /v1/calls/call_1",
    "GET /v1/models",
    "POST /v1/chat/completions",
    "POST /v1/runtime/connect",
    "POST /mcp",
    "GET /nowhere",
];

/// Every WebSocket.
const SOCKETS: [&str; 6] =
    ["/ws", "/ws?token=t&agentId=main", "/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk", "/ws/runtime?ticket=t"];

const EVIL: &str = "https://evil.example";

const APP: &str = "https://app.example.com";

/// The head of an upgrade, without `Host`.
fn upgrade(path: &str, version: &str) -> String {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    format!("GET {path} HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: {version}\n{key}")
}

/// The heads of a request to every route and every socket, with the right key and without `Host`.
fn requests() -> Vec<String> {
    let key = format!("Authorization: Bearer {}", dev::ADMIN_KEY);
    let routes = ROUTES.map(|route| format!("{route} HTTP/1.1\nContent-Length: 0"));
    let sockets = SOCKETS.map(|path| upgrade(path, "13"));
    routes.into_iter().chain(sockets).map(|request| format!("{request}\n{key}")).collect()
}

fn allowing(names: &[&str], origins: &[&str]) -> HttpSettings {
    let mut settings = HttpSettings::default();
    settings.names = names.iter().map(|name| (*name).to_owned()).collect();
    settings.allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    settings
}

/// A development gateway that lets pages of [`APP`] in.
async fn gateway_of_app() -> Gateway {
    within(dev::start(DevOptions { http: allowing(&[], &[APP]), ..DevOptions::with_known_secrets() })).await.unwrap()
}

async fn preflight(address: SocketAddr, path: &str, origin: &str) -> RawAnswer {
    let asked = "Access-Control-Request-Method: PATCH\nAccess-Control-Request-Headers: authorization,content-type";
    send(address, &format!("OPTIONS {path} HTTP/1.1\nHost: {address}\nOrigin: {origin}\n{asked}")).await
}

#[tokio::test]
async fn a_page_of_another_site_gets_nothing_from_any_route_or_socket_also_with_the_right_key() {
    let gateway = dev_gateway().await;
    for request in requests() {
        for origin in [EVIL, "null", "http://localhost.evil.example"] {
            let answer = send(gateway.address(), &format!("{request}\nHost: localhost\nOrigin: {origin}")).await;
            let detail = answer.problem(403, "origin_not_allowed");
            assert!(detail.contains("`http.allowed_origins`"), "{request}: {detail}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{request}");
        }
    }
}

#[tokio::test]
async fn a_name_that_somebody_else_made_lead_here_is_refused_by_every_route_and_socket() {
    let gateway = dev_gateway().await;
    for request in requests() {
        // What a browser sends for a page of that name: it is the same origin to it.
        for origin in ["", "\nOrigin: http://evil.example:3100"] {
            let answer = send(gateway.address(), &format!("{request}\nHost: evil.example:3100{origin}")).await;
            let detail = answer.problem(403, "host_not_allowed");
            assert!(detail.contains("`http.names`") && detail.contains("evil.example:3100"), "{request}: {detail}");
        }
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let gateway = dev_gateway().await;
    for request in requests() {
        for hosts in ["", "\nHost: localhost\nHost: localhost", "\nHost: user:pass@localhost", "\nHost: "] {
            let detail = send(gateway.address(), &format!("{request}{hosts}")).await.problem(400, "invalid_request");
            assert!(detail.to_lowercase().contains("host"), "{request}: {detail}");
        }
    }
    let elsewhere = "GET http://evil.example/health HTTP/1.1\nHost: localhost";
    send(gateway.address(), elsewhere).await.problem(400, "invalid_request");
    let here = "GET http://localhost/health HTTP/1.1\nHost: localhost";
    assert_eq!(send(gateway.address(), here).await.status, 200);
}

#[tokio::test]
async fn programs_and_allowed_pages_reach_every_route_and_socket() {
    let gateway = gateway_of_app().await;
    for request in requests() {
        for origin in ["", "\nOrigin: http://localhost:5173", &format!("\nOrigin: {APP}")] {
            let answer = send(gateway.address(), &format!("{request}\nHost: localhost{origin}")).await;
            assert_eq!(answer.refusal_of_guard(), None, "{request}");
            assert!(!request.contains("/ws HTTP") || answer.status == 101, "{request}: {answer:?}");
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, origin.trim_start_matches("\nOrigin: "), "{request}");
        }
    }
}

#[tokio::test]
async fn a_browser_may_ask_first_without_a_key_and_only_for_allowed_pages() {
    let gateway = gateway_of_app().await;
    for path in ["/v1/tools/echo", "/mcp", "/v1/chat/completions", "/v1/runtime/connect", "/health", "/nowhere"] {
        let answer = preflight(gateway.address(), path, APP).await;
        assert_eq!((answer.status, &*answer.header("access-control-allow-origin")), (200, APP), "{path}");
        assert!(answer.header("access-control-allow-methods").contains("PATCH"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "the gateway has no cookies");
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{answer:?}");
        let refused = preflight(gateway.address(), path, EVIL).await;
        refused.problem(403, "origin_not_allowed");
        assert_eq!(refused.header("access-control-allow-methods"), "");
    }
    // Programs ask for methods as before.
    let options = send(gateway.address(), "OPTIONS /health HTTP/1.1\nHost: localhost").await;
    options.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn an_allowed_page_may_read_the_headers_it_needs() {
    let gateway = gateway_of_app().await;
    let answer = send(gateway.address(), &format!("GET /v1/tools HTTP/1.1\nHost: localhost\nOrigin: {APP}")).await;
    assert_eq!((answer.status, &*answer.header("access-control-allow-origin")), (401, APP));
    let exposed = answer.header("access-control-expose-headers");
    for name in ["etag", "retry-after", "www-authenticate", "x-request-id", "mcp-session-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}

#[tokio::test]
async fn connections_over_the_limit_are_guarded_as_well() {
    let mut limits = Limits::default();
    limits.address.connections = 1.try_into().unwrap();
    let (gateway, _, _) = gateway_with(Gateway::builder().limits(limits)).await;
    let _first = within(tokio::net::TcpStream::connect(gateway.address())).await.unwrap();
    let request = "GET /health HTTP/1.1\nHost: localhost";
    send(gateway.address(), request).await.problem(429, "rate_limited");
    send(gateway.address(), &format!("{request}\nOrigin: {EVIL}")).await.problem(403, "origin_not_allowed");
}

#[tokio::test]
async fn another_version_of_websockets_is_answered_with_ours() {
    let gateway = dev_gateway().await;
    for path in SOCKETS {
        for version in ["8", "14", ""] {
            let answer = send(gateway.address(), &format!("{}\nHost: localhost", upgrade(path, version))).await;
            answer.problem(426, "upgrade_required");
            assert_eq!(answer.header("sec-websocket-version"), "13", "{path}");
            assert!(answer.header("upgrade").contains("websocket"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_dashboard_without_a_token_is_told_how_to_prove_who_it_is() {
    let gateway = dev_gateway().await;
    for query in ["agentId=main", "token=wrong&agentId=main"] {
        let request = format!("{}\nHost: localhost", upgrade(&format!("/ws?{query}"), "13"));
        let answer = send(gateway.address(), &request).await;
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_gateway_for_everybody_answers_to_every_name_but_serves_pages_under_its_own_only() {
    let all = SocketAddr::from(([0, 0, 0, 0], 0));
    let asks = async |names: &[&str], head: &str| {
        let (gateway, _, _) = gateway_with(Gateway::builder().listen(all).http(allowing(names, &[]))).await;
        let here = SocketAddr::from(([127, 0, 0, 1], gateway.address().port()));
        send(here, &format!("GET /health HTTP/1.1\n{head}")).await.status
    };
    let page = "Host: gateway.example:3100\nOrigin: http://gateway.example:3100";
    assert_eq!(asks(&[], "Host: gateway.example:3100").await, 200);
    assert_eq!(asks(&[], page).await, 403);
    assert_eq!(asks(&["gateway.example"], page).await, 200);
    assert_eq!(asks(&["gateway.example"], "Host: other.example").await, 403);
    assert_eq!(asks(&[], "Host: localhost\nOrigin: http://localhost:5173").await, 403);
}

#[tokio::test]
async fn a_development_gateway_has_secrets_that_nobody_knows() {
    let options = DevOptions::default();
    let secrets = options.secrets.clone();
    let gateway = within(dev::start(options)).await.unwrap();
    for known in [dev::ADMIN_KEY, dev::AGENT_KEY] {
        Caller::at(&gateway.url()).key(known).get("/v1/tools").await.is_problem(401, "unauthenticated", false);
    }
    assert_eq!(Dial::to(&gateway, "/ws/sdk").secret(dev::SECRET).open().await.refused().await.0, 1008);
    assert_eq!(Caller::at(&gateway.url()).key(secrets.admin.expose_secret()).tools().await, []);
    Dial::to(&gateway, "/ws/sdk").secret(secrets.worker.expose_secret()).welcomed().await;
    RpcCaller::with(&gateway, secrets.agent.expose_secret(), "u").await;
}

#[tokio::test]
async fn the_program_makes_new_secrets_for_development_and_prints_lines_to_paste() {
    let mut keys = Vec::new();
    for _ in 0..2 {
        let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--http-allowed-origins", APP]);
        for name in ["SECRET", "ADMIN_KEY", "AGENT_KEY"] {
            command.env_remove(format!("PLATOOLS_GATEWAY_DEV_{name}"));
        }
        let mut program = Program::start(command).await;
        let mut exports = Vec::new();
        while exports.len() < 2 {
            let line = within(program.lines.next_line()).await.unwrap().unwrap();
            exports.extend(line.strip_prefix("export ").map(str::to_owned));
        }
        let value = |name: &str| {
            let mut values = exports.iter().flat_map(|line| line.split(' '));
            values.find_map(|set| set.strip_prefix(name)).unwrap().trim_start_matches('=').to_owned()
        };
        assert_eq!((value("PLATOS_URL"), value("PLATOOLS_GATEWAY_URL")), (program.url.clone(), program.url.clone()));
        program.dial(&value("PLATOS_SECRET")).welcomed().await;
        let key = value("PLATOOLS_GATEWAY_KEY");
        assert_eq!(Caller::at(&program.url).key(&key).tools().await, []);
        let address = program.url.trim_start_matches("http://").parse().unwrap();
        assert_eq!(preflight(address, "/v1/tools", APP).await.status, 200);
        keys.push(key);
    }
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_page_that_cannot_be_one_is_refused_at_the_start() {
    let refused = output(&["dev", "--listen", "127.0.0.1:0", "--http-allowed-origins", "app.example.com"]).await;
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("`http.allowed_origins`") && error.contains("https://app.example.com"), "{error}");
    let error = within(Gateway::builder().http(allowing(&["https://a"], &[])).start()).await.unwrap_err();
    assert!(error.to_string().contains("`http.names`"), "{error}");
    let connect = json!({"token": dev::ADMIN_KEY, "user_id": "u"});
    RpcCaller::known(Dial::dev_at(&dev_gateway().await, "/ws"), connect).await;
}
