//! Tests of the console's pages, and of the sessions of browsers that sign in there.

use std::time::Duration;

use platools_gateway::admin::NewToken;
use platools_gateway::{ConsoleSettings, Gateway, Role, dev};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::dashboard::Dashboard;
use crate::program_process::{Program, command};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, within};

/// A browser with a page of the gateway.
struct Browser {
    http: reqwest::Client,
    url: String,
    cookie: Option<String>,
}

/// A response that was read.
struct Response {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Browser {
    fn at(url: &str) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { http, url: url.to_owned(), cookie: None }
    }

    /// A browser that has signed in with a key.
    async fn signed_in(gateway: &Gateway, key: &str) -> Self {
        let mut browser = Self::at(&gateway.url());
        let signed_in = browser.sign_in(json!({"credential": key})).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.body);
        browser
    }

    /// Sends a request with exactly these headers, and the cookie.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Response {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = self.cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie));
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let response = within(request.send()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Response { status, headers, body: within(response.text()).await.unwrap() }
    }

    /// Sends a request of the page, as browsers send it.
    async fn fetch(&self, method: &str, path: &str, body: Value) -> Response {
        let site = ("sec-fetch-site", "same-origin");
        match method {
            "GET" => self.send(method, path, &[site], body).await,
            _ => self.send(method, path, &[site, ("origin", &self.url)], body).await,
        }
    }

    async fn get(&self, path: &str) -> Response {
        self.fetch("GET", path, Value::Null).await
    }

    async fn sign_in(&mut self, proof: Value) -> Response {
        let response = self.fetch("POST", "/console/session", proof).await;
        if response.status == 200 {
            let cookie = response.header("set-cookie");
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        response
    }

    /// The upgrade of a socket that the page opens.
    fn dial(&self, path: &str) -> Dial {
        let dial = Dial::at(&self.url.replace("http://", "ws://"), path).header("origin", &self.url);
        dial.header("cookie", self.cookie.as_ref().expect("a session"))
    }

    async fn rpc(&self) -> RpcCaller {
        RpcCaller::known(self.dial("/ws"), json!({"user_id": "console"})).await
    }
}

#[tokio::test]
async fn every_place_of_the_console_answers_with_its_page_and_a_strict_policy() {
    let gateway = dev_gateway().await;
    let browser = Browser::at(&gateway.url());
    let page = browser.get("/console").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-cache");
    for (name, part) in [
        ("content-security-policy", "default-src 'none'; script-src 'self';"),
        ("content-security-policy", "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert!(page.header(name).contains(part), "{name}: {}", page.header(name));
    }
    assert!(!page.header("content-security-policy").contains("unsafe"));
    for place in ["/console/", "/console/tools/echo", "/console/calls?outcome=ok"] {
        assert_eq!(browser.get(place).await.body, page.body, "{place}");
    }
    let missing = browser.get("/console/assets/index-none.js").await;
    assert_eq!((missing.status, &*missing.code()), (404, "no_such_route"));
    assert!(missing.header("content-security-policy").starts_with("default-src 'none'"));
    let known = [("if-none-match", page.header("etag"))];
    let unchanged = browser.send("GET", "/console/workers", &known, Value::Null).await;
    assert_eq!((unchanged.status, &*unchanged.body), (304, ""));
    assert_eq!(browser.send("HEAD", "/console", &[], Value::Null).await.status, 200);
}

#[tokio::test]
async fn the_root_leads_browsers_to_the_console_and_programs_nowhere() {
    let gateway = dev_gateway().await;
    let browser = Browser::at(&gateway.url());
    let html = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let led = browser.send("GET", "/", &html, Value::Null).await;
    assert_eq!((led.status, led.header("location")), (303, "/console"));
    for headers in [&[][..], &[("accept", "*/*")], &[("accept", "application/json")]] {
        let answer = browser.send("GET", "/", headers, Value::Null).await;
        assert_eq!((answer.status, &*answer.code()), (404, "no_such_route"));
    }
}

#[tokio::test]
async fn a_console_that_is_switched_off_is_not_there() {
    let mut settings = ConsoleSettings::default();
    settings.enabled = false;
    let (gateway, _, _) = gateway_with(Gateway::builder().console(settings)).await;
    let browser = Browser::at(&gateway.url());
    for path in ["/", "/console", "/console/tools", "/console/session"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_session_has_the_rights_of_its_key_and_is_no_key() {
    let gateway = dev_gateway().await;
    let mut browser = Browser::at(&gateway.url());
    let stranger = browser.get("/console/session").await;
    assert_eq!((stranger.status, &*stranger.code()), (401, "unauthenticated"));
    let signed_in = browser.sign_in(json!({"credential": dev::ADMIN_KEY})).await;
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(signed_in.header("cache-control"), "no-store");
    let secret = browser.cookie.clone().unwrap();
    let secret = secret.split_once('=').unwrap().1;
    assert!(!cookie.contains(dev::ADMIN_KEY) && !signed_in.body.contains(secret));
    let session = browser.get("/console/session").await.json();
    assert_eq!(session, signed_in.json());
    for (member, expected) in [
        ("/role", json!("admin")),
        ("/project", json!("default")),
        ("/credential/kind", json!("key")),
        ("/environments", json!(null)),
        ("/environment", json!({"slug": "development", "kind": "development"})),
        ("/isDevelopment", json!(true)),
        ("/isClustered", json!(false)),
        ("/canReadLog", json!(false)),
        ("/canReadCluster", json!(true)),
    ] {
        assert_eq!(session.pointer(member), Some(&expected), "{member} of {session}");
    }
    assert!(session["expiresAt"].is_string() && session["version"].is_string());
    assert_eq!(browser.get("/v1/keys").await.status, 200);
    let added = browser.fetch("POST", "/v1/environments", json!({"slug": "qa"})).await;
    assert_eq!(added.status, 201, "{}", added.body);
    // What the browser has opens nothing as a key.
    let caller = Caller::at(&gateway.url()).key(secret);
    assert_eq!(caller.get("/v1/tools").await.status, 401);
}

#[tokio::test]
async fn a_token_signs_in_as_far_as_it_reaches() {
    let gateway = dev_gateway().await;
    let mut new = NewToken::new(Role::Viewer, Duration::from_secs(3600));
    new.user_id = Some("ada".to_owned());
    new.credential.environments = Some(vec!["production".to_owned()]);
    let token = gateway.core().local_admin().mint_token(new).await.unwrap().token;
    let browser = Browser::signed_in(&gateway, token.expose_secret()).await;
    let session = browser.get("/console/session").await.json();
    for (member, expected) in [
        ("/role", json!("viewer")),
        ("/userId", json!("ada")),
        ("/credential/kind", json!("token")),
        ("/environments", json!(["production"])),
        ("/environment", json!({"slug": "production", "kind": "production"})),
        ("/canReadCluster", json!(false)),
    ] {
        assert_eq!(session.pointer(member), Some(&expected), "{member} of {session}");
    }
    assert_eq!(browser.get("/v1/keys").await.status, 403);
}

#[tokio::test]
async fn the_cookie_counts_for_requests_of_the_gateways_own_pages_only() {
    let gateway = dev_gateway().await;
    let browser = Browser::signed_in(&gateway, dev::ADMIN_KEY).await;
    let own = gateway.url();
    // Pages of other servers on this machine may use the gateway with a key of their own. Browsers send them its cookies.
    let neighbour = "http://127.0.0.1:5173";
    for headers in [
        &[("origin", neighbour)][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "none")],
    ] {
        let answer = browser.send("GET", "/v1/keys", headers, Value::Null).await;
        assert_eq!((answer.status, &*answer.code()), (401, "unauthenticated"), "{headers:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    assert_eq!(browser.send("GET", "/v1/keys", &[], Value::Null).await.status, 200);
    for headers in [&[][..], &[("origin", neighbour)], &[("origin", "http://localhost:1")]] {
        let answer = browser.send("POST", "/v1/environments", headers, json!({"slug": "qa"})).await;
        assert_eq!(answer.status, 401, "{headers:?}");
    }
    let signed_in =
        browser.send("POST", "/console/session", &[("origin", neighbour)], json!({"credential": "x"})).await;
    assert_eq!((signed_in.status, &*signed_in.code()), (403, "origin_not_allowed"));
    // A socket of such a page has no session: with a gateway for development it is a viewer's.
    let mut socket = RpcCaller::stranger(browser.dial("/ws").header("origin", neighbour)).await;
    assert_eq!(socket.ok("connect", json!({"user_id": "console"})).await["role"], "viewer");
    assert_eq!(Dashboard::refused(browser.dial("/ws?agentId=main").header("origin", neighbour)).await, 401);
    let answer = browser.send("POST", "/v1/environments", &[("origin", &own)], json!({"slug": "qa"})).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn the_cookie_is_for_the_interfaces_of_pages() {
    let gateway = dev_gateway().await;
    let browser = Browser::signed_in(&gateway, dev::ADMIN_KEY).await;
    for (method, path) in [("POST", "/mcp"), ("GET", "/v1/models")] {
        assert_eq!(browser.fetch(method, path, Value::Null).await.status, 401, "{path}");
    }
    assert_ne!(browser.get("/v1/channels").await.status, 401);
    let mut caller = RpcCaller::stranger(browser.dial("/ws")).await;
    assert_eq!(caller.ok("connect", json!({"user_id": "console"})).await["role"], "admin");
    caller.ok("api_keys.list", json!({})).await;
    let mut dashboard = Dashboard::open(browser.dial("/ws?agentId=main")).await;
    assert_eq!(dashboard.expect("connected").await["agentId"], "main");
}

#[tokio::test]
async fn a_request_with_both_uses_its_key() {
    let gateway = dev_gateway().await;
    let viewer = gateway.add_key(Role::Viewer).await.unwrap();
    let browser = Browser::signed_in(&gateway, dev::ADMIN_KEY).await;
    let bearer = format!("Bearer {}", viewer.expose_secret());
    let headers = [("authorization", &*bearer), ("sec-fetch-site", "same-origin")];
    assert_eq!(browser.send("GET", "/v1/keys", &headers, Value::Null).await.status, 403);
    let mut caller = RpcCaller::stranger(browser.dial("/ws")).await;
    let connect = json!({"user_id": "console", "token": viewer.expose_secret()});
    assert_eq!(caller.ok("connect", connect).await["role"], "viewer");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_sockets() {
    let gateway = dev_gateway().await;
    let browser = Browser::signed_in(&gateway, dev::ADMIN_KEY).await;
    let other = Browser::signed_in(&gateway, dev::ADMIN_KEY).await;
    let mut rpc = browser.rpc().await;
    let mut of_other = other.rpc().await;
    let mut dashboard = Dashboard::open(browser.dial("/ws?agentId=main")).await;
    dashboard.expect("connected").await;
    dashboard.expect("initial_data").await;
    let signed_out = browser.fetch("DELETE", "/console/session", Value::Null).await;
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.header("set-cookie").contains("=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    assert_eq!(rpc.closed().await.0, 4001);
    assert_eq!(dashboard.closed().await.0, 4001);
    let ended = browser.get("/v1/tools").await;
    assert_eq!((ended.status, &*ended.code()), (401, "unauthenticated"));
    assert!(ended.body.contains("sign in again"), "{}", ended.body);
    let mut late = RpcCaller::stranger(browser.dial("/ws")).await;
    assert_eq!(late.code("connect", json!({"user_id": "console"})).await, "UNAUTHORIZED");
    assert_eq!(Dashboard::refused(browser.dial("/ws?agentId=main")).await, 401);
    of_other.ok("health", json!({})).await;
    assert_eq!(other.get("/v1/tools").await.status, 200);
}

#[tokio::test]
async fn a_session_ends_with_its_key() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let key = admin.post("/v1/keys", json!({"role": "operator", "name": "mine"})).await.body;
    let browser = Browser::signed_in(&gateway, key["secret"].as_str().unwrap()).await;
    assert_eq!(browser.get("/console/session").await.json()["credential"]["name"], "mine");
    let mut rpc = browser.rpc().await;
    let id = key["key"]["id"].as_str().unwrap();
    assert_eq!(admin.status("DELETE", &format!("/v1/keys/{id}"), "").await, 204);
    assert_eq!(rpc.closed().await.0, 4001);
    assert_eq!(browser.get("/v1/tools").await.status, 401);
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_before_it() {
    let gateway = dev_gateway().await;
    let mut browser = Browser::signed_in(&gateway, dev::ADMIN_KEY).await;
    let mut rpc = browser.rpc().await;
    let earlier = browser.cookie.clone();
    browser.sign_in(json!({"credential": dev::AGENT_KEY})).await;
    assert_eq!(rpc.closed().await.0, 4001);
    assert_eq!(browser.get("/console/session").await.json()["role"], "operator");
    browser.cookie = earlier;
    assert_eq!(browser.get("/v1/tools").await.status, 401);
}

#[tokio::test]
async fn a_wrong_credential_or_code_counts_as_a_failed_attempt_of_its_address() {
    let limits = crate::support::limits(|limits| limits.address.failures_per_minute = crate::support::number(4));
    let (gateway, _, _) = gateway_with(Gateway::builder().limits(limits)).await;
    let mut browser = Browser::at(&gateway.url());
    for proof in [json!({}), json!({"credential": "a", "code": "b"}), json!({"key": "a"})] {
        assert_eq!(browser.sign_in(proof).await.status, 400);
    }
    let mut statuses = Vec::new();
    for number in 0..8 {
        let proof = if number % 2 == 0 { json!({"credential": "plt_key_1"}) } else { json!({"code": "plt_code_1"}) };
        let refused = browser.sign_in(proof).await;
        assert!(!refused.body.contains("plt_"), "{}", refused.body);
        statuses.push(refused.status);
    }
    assert!(statuses.starts_with(&[401, 401]) && statuses.ends_with(&[429]), "{statuses:?}");
}

#[tokio::test]
async fn a_link_signs_in_once_and_the_next_one_is_announced() {
    let gateway = dev_gateway().await;
    let (announced, mut links) = mpsc::unbounded_channel();
    let announce = move |link: &str| announced.send(link.to_owned()).unwrap();
    gateway.console_links(&dev::ADMIN_KEY.to_owned().into(), announce).await.unwrap();
    let mut browser = Browser::at(&gateway.url());
    for _ in 0..2 {
        let link = links.recv().await.unwrap();
        let (page, code) = link.split_once("#sign-in=").unwrap();
        assert_eq!(page, format!("{}/console", gateway.url()));
        let signed_in = browser.sign_in(json!({"code": code})).await;
        assert_eq!((signed_in.status, &signed_in.json()["role"]), (200, &json!("admin")));
        let again = browser.sign_in(json!({"code": code})).await;
        assert_eq!((again.status, &*again.code()), (401, "unauthenticated"));
        assert!(again.body.contains("was used already"), "{}", again.body);
    }
    assert!(gateway.console_links(&"wrong".to_owned().into(), |_| ()).await.is_err());
}

#[tokio::test]
async fn dev_prints_a_link_to_sign_in_first_and_another_when_it_was_used() {
    let mut program = Program::start(command(&["dev", "--listen", "127.0.0.1:0"])).await;
    let code = |line: &str, url: &str| {
        let code = line.strip_prefix(&format!("console {url}/console#sign-in="));
        code.unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let [line] = program.before.as_slice() else { panic!("one line was expected: {:?}", program.before) };
    let first = code(line, &program.url);
    let mut browser = Browser::at(&program.url);
    let session = browser.sign_in(json!({"code": first})).await.json();
    assert_eq!((&session["role"], &session["canReadLog"]), (&json!("admin"), &json!(true)));
    let next = within(async {
        loop {
            let line = program.lines.next_line().await.unwrap().expect("it runs");
            if line.starts_with("console ") {
                return line;
            }
        }
    })
    .await;
    assert_ne!(code(&next, &program.url), first);
}
