//! Tests of dashboards that connect with tokens of the application.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platools_gateway::admin::NewAgent;
use platools_gateway::domain::project::ProjectName;
use platools_gateway::feed::{BoxError, DashboardRequest, DashboardUser, JwtAuth};
use platools_gateway::limits::Limits;
use platools_gateway::{Builder, Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::dashboard::{Dashboard, add_agent, close, token, token_of};
use crate::program_process::{Program, command, last_word, output, stdout};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, http, within};

const SECRET: &str = "the secret of an application, 32+";

/// A JSON Web Token, made by hand.
fn jwt(secret: &str, claims: &Value) -> String {
    let encoded = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let body = format!("{}.{}", encoded(r#"{"alg":"HS256","typ":"JWT"}"#), encoded(&claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("{body}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token that the application gives to a user, good for an hour.
fn token_for(user: &str) -> String {
    jwt(SECRET, &json!({"userId": user, "exp": now_s() + 3600}))
}

fn jwt_auth() -> JwtAuth {
    JwtAuth::new(&SECRET.to_owned().into()).unwrap()
}

/// A gateway that accepts the application's tokens, with the agent `trader` of the user `u-1`.
async fn gateway() -> Gateway {
    let (gateway, _, _) = gateway_with(Gateway::builder().dashboard_auth(Arc::new(jwt_auth()))).await;
    add_agent(&gateway, "trader").await;
    gateway
}

/// The status of an upgrade with a token for `trader`.
async fn status(gateway: &Gateway, token: &str) -> u16 {
    Dashboard::refused(Dashboard::dial(gateway, token, "trader")).await
}

/// The close of a dashboard that is let in and may not watch.
async fn closed(dial: Dial) -> (u16, String) {
    let mut dashboard = Dashboard::open(dial).await;
    dashboard.expect("error").await;
    dashboard.closed().await
}

#[tokio::test]
async fn an_applications_token_watches_its_users_agent_and_no_other() {
    let gateway = gateway().await;
    let other = NewAgent { owner: Some("42".to_owned()), ..NewAgent::default() };
    within(gateway.core().local_admin().add_agent("numbered", other)).await.unwrap();
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &token_for("u-1"), "trader")).await;
    assert_eq!(dashboard.expect("connected").await["agentId"], "trader");
    dashboard.expect("initial_data").await;
    let numeric = jwt(SECRET, &json!({"userId": 42, "exp": now_s() + 60}));
    let mut numbered = Dashboard::open(Dashboard::dial(&gateway, &numeric, "numbered")).await;
    numbered.expect("connected").await;
    for (user, agent) in [("u-2", "trader"), ("u-1", "numbered"), ("u-1", "nobody"), ("u-1", "")] {
        let dial = Dashboard::dial(&gateway, &token_for(user), agent);
        assert_eq!(closed(dial).await, close(1008, "Agent not found"), "{user} {agent}");
    }
    // The gateway's own tokens are as good as before.
    Dashboard::of(&gateway, "trader").await;
}

#[tokio::test]
async fn an_applications_token_that_is_not_good_is_refused_with_401() {
    let gateway = gateway().await;
    let good = json!({"userId": "u-1", "exp": now_s() + 60});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        jwt(SECRET, &claims)
    };
    let none = format!("{}.{}.", BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#), good_body(&good));
    for (wrong, reason) in [
        (jwt("another secret of an application!", &good), "another secret"),
        (with("exp", (now_s() - 1).into()), "ended"),
        (with("exp", Value::Null), "no end"),
        (with("nbf", (now_s() + 3600).into()), "not yet"),
        (with("aud", "others".into()), "for others"),
        (with("userId", "".into()), "no user"),
        (with("userId", "a\nb".into()), "a user with a line break"),
        (none, "no algorithm"),
        ("session-1".to_owned(), "no JSON Web Token"),
    ] {
        assert_eq!(status(&gateway, &wrong).await, 401, "{reason}");
    }
    assert_eq!(status(&gateway, &jwt(SECRET, &good)).await, 101);
    assert_eq!(status(&dev_gateway().await, &jwt(SECRET, &good)).await, 401, "a gateway without the setting");
}

fn good_body(claims: &Value) -> String {
    BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
}

#[tokio::test]
async fn a_connection_ends_with_the_applications_token() {
    let gateway = gateway().await;
    let token = jwt(SECRET, &json!({"userId": "u-1", "exp": now_s() + 2}));
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &token, "trader")).await;
    assert_eq!(dashboard.closed().await, close(4001, "the key or token has ended"));
    assert_eq!(status(&gateway, &token).await, 401);
}

#[tokio::test]
async fn an_applications_token_opens_nothing_but_the_feed() {
    let gateway = gateway().await;
    let token = token_for("u-1");
    let caller = Caller::at(&gateway.url()).key(&token);
    for path in ["/v1/tools", "/v1/agents", "/v1/calls", "/v1/audit", "/v1/models"] {
        assert_eq!(caller.status("GET", path, "").await, 401, "{path}");
    }
    let sent = json!({"slug": "mine"}).to_string();
    for path in
        ["/v1/agents", "/v1/tokens", "/v1/tools/echo/call", "/v1/chat/completions", "/v1/runtime/connect", "/mcp"]
    {
        assert_eq!(caller.status("POST", path, sent.clone()).await, 401, "{path}");
    }
    let mut stranger = RpcCaller::stranger_at(&gateway).await;
    let connected = stranger.ok("connect", json!({"token": token, "user_id": "u-1"})).await;
    assert_eq!(connected["role"], "viewer");
    assert_eq!(stranger.ok("agents.list", json!({})).await["items"], json!([]));
    assert_eq!(stranger.code("chat.send", json!({"agentId": "trader", "message": "/help"})).await, "FORBIDDEN");
    assert!(Dial::to(&gateway, "/ws/sdk").secret(&token).open().await.refused().await.1.contains("unknown"));
}

#[tokio::test]
async fn claims_issuer_audience_and_project_are_those_that_are_configured() {
    let name: ProjectName = "acme/shop".parse().unwrap();
    let auth = jwt_auth().user_claim("sub").issuer("https://app.example").audience("feed").project(name.clone());
    let (gateway, _, _) = gateway_with(Gateway::builder().dashboard_auth(Arc::new(auth))).await;
    let token =
        jwt(SECRET, &json!({"sub": "u-1", "iss": "https://app.example", "aud": ["api", "feed"], "exp": now_s() + 60}));
    add_agent(&gateway, "trader").await;
    // The project is not there yet, which is the operator's mistake and not the user's.
    assert_eq!(status(&gateway, &token).await, 503);
    let projects = gateway.core().local_projects();
    within(projects.add(&name)).await.unwrap();
    assert_eq!(closed(Dashboard::dial(&gateway, &token, "trader")).await, close(1008, "Agent not found"));
    let own = NewAgent { owner: Some("u-1".to_owned()), ..NewAgent::default() };
    within(projects.admin(&name).unwrap().add_agent("trader", own)).await.unwrap();
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &token, "trader")).await;
    dashboard.expect("connected").await;
    assert_eq!(status(&gateway, &token_for("u-1")).await, 401);
}

#[tokio::test]
async fn wrong_tokens_of_applications_count_as_failed_attempts() {
    let mut limits = Limits::default();
    limits.address.failures_per_minute = NonZeroU32::new(2).unwrap();
    let builder = Gateway::builder().limits(limits).dashboard_auth(Arc::new(jwt_auth()));
    let (gateway, _, _) = gateway_with(builder).await;
    add_agent(&gateway, "trader").await;
    let mut refused = Vec::new();
    for wrong in ["nonsense", "eyJ.eyJ.x", "nonsense", "session"] {
        refused.push(status(&gateway, wrong).await);
    }
    assert_eq!((refused[0], refused[3]), (401, 429), "{refused:?}");
    assert_eq!(status(&gateway, &token_for("u-1")).await, 101);
}

/// A gateway whose application checks tokens itself, and the tokens that it was asked about.
async fn asking(
    answer: impl Fn(&str) -> Result<Option<DashboardUser>, BoxError> + Send + Sync + 'static,
) -> (Gateway, Arc<Mutex<Vec<(String, String)>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (noted, answer) = (Arc::clone(&asked), Arc::new(answer));
    let check = move |request: DashboardRequest| {
        let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
        async move {
            let token = request.token.expose_secret().to_owned();
            noted.lock().unwrap().push((token.clone(), request.agent));
            answer(&token)
        }
    };
    let (gateway, _, _) = gateway_with(Gateway::builder().dashboard_auth(Arc::new(check))).await;
    add_agent(&gateway, "trader").await;
    (gateway, asked)
}

#[tokio::test]
async fn an_application_may_check_its_tokens_itself() {
    let (gateway, asked) = asking(|token| {
        let ends = SystemTime::now() + Duration::from_secs(2);
        Ok((token == "session-1").then(|| DashboardUser::new("u-1").expires_at(ends)))
    })
    .await;
    assert_eq!(status(&gateway, "session-2").await, 401);
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, "session-1", "trader")).await;
    dashboard.expect("connected").await;
    assert_eq!(dashboard.closed().await, close(4001, "the key or token has ended"));
    let of = |token: &str| (token.to_owned(), "trader".to_owned());
    assert_eq!(*asked.lock().unwrap(), [of("session-2"), of("session-1")]);
}

#[tokio::test]
async fn credentials_of_the_gateway_never_reach_the_application() {
    let (gateway, asked) = asking(|_| Ok(Some(DashboardUser::new("u-1")))).await;
    let key = gateway.add_key(Role::Admin).await.unwrap();
    assert_eq!(status(&gateway, key.expose_secret()).await, 401);
    let own = token_of(&gateway, "u-2").await;
    assert_eq!(closed(Dashboard::dial(&gateway, &own, "trader")).await.0, 1008);
    let elsewhere = token(&dev_gateway().await, Role::Admin, None, None).await;
    assert_eq!(status(&gateway, &elsewhere).await, 401);
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(status(&gateway, "session-1").await, 101);
}

#[tokio::test]
async fn a_check_that_fails_or_panics_refuses_with_503_and_counts_as_no_failed_attempt() {
    let mut limits = Limits::default();
    limits.address.failures_per_minute = NonZeroU32::new(1).unwrap();
    let check = |request: DashboardRequest| async move {
        match request.token.expose_secret() {
            "failing" => Err("the database of sessions is down".into()),
            "panicking" => panic!("a mistake in the application"),
            _ => Ok::<_, BoxError>(Some(DashboardUser::new("u-1"))),
        }
    };
    let builder: Builder = Gateway::builder().limits(limits).dashboard_auth(Arc::new(check));
    let (gateway, _, _) = gateway_with(builder).await;
    add_agent(&gateway, "trader").await;
    for token in ["failing", "panicking", "failing"] {
        assert_eq!(status(&gateway, token).await, 503, "{token}");
    }
    let answer = plain(&gateway, "token=failing&agentId=trader").await;
    assert_eq!((answer.status, &answer.body["retryable"]), (503, &json!(true)));
    assert!(!answer.body.to_string().contains("database"), "{}", answer.body);
    assert_eq!(status(&gateway, "good").await, 101);
}

/// The answer to a request without an upgrade.
struct Plain {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

async fn plain(gateway: &Gateway, query: &str) -> Plain {
    plain_from(gateway, query, None).await
}

async fn plain_from(gateway: &Gateway, query: &str, origin: Option<&str>) -> Plain {
    let request = http().get(format!("{}/ws?{query}", gateway.url()));
    let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
    let response = within(request.send()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = within(response.text()).await.unwrap();
    Plain { status, headers, body: serde_json::from_str(&text).unwrap() }
}

#[tokio::test]
async fn a_request_without_an_upgrade_tells_a_page_how_the_upgrade_would_end() {
    let gateway = gateway().await;
    let (own, applications) = (token_of(&gateway, "u-1").await, token_for("u-1"));
    for (query, expected, code) in [
        (format!("token={own}&agentId=trader"), 426, "upgrade_required"),
        (format!("token={applications}&agentId=trader"), 426, "upgrade_required"),
        (format!("token={}&agentId=trader", token_for("u-2")), 404, "not_found"),
        (format!("token={own}&agentId=nobody"), 404, "not_found"),
        (format!("token={own}"), 404, "not_found"),
        ("token=nonsense&agentId=trader".to_owned(), 401, "unauthenticated"),
        ("agentId=trader".to_owned(), 401, "unauthenticated"),
    ] {
        let answer = plain(&gateway, &query).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (expected, Some(code)), "{query}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.headers["cache-control"], "no-store", "{query}");
        assert_eq!(answer.headers.contains_key("upgrade"), expected == 426);
        assert!(!answer.body.to_string().contains(&own), "{}", answer.body);
    }
    // An agent of somebody else is answered like one that does not exist.
    let [theirs, missing] = [("u-2", "trader"), ("u-1", "nobody")]
        .map(|(user, agent)| format!("token={}&agentId={agent}", token_for(user)));
    assert_eq!(without_id(plain(&gateway, &theirs).await.body), without_id(plain(&gateway, &missing).await.body));
    // Nothing watches, and nobody was closed by it.
    assert_eq!(gateway.feed().connection_count(), 0);
}

fn without_id(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("requestId");
    body
}

#[tokio::test]
async fn a_request_without_an_upgrade_is_for_the_pages_that_may_use_the_gateway() {
    let gateway = gateway().await;
    let query = format!("token={}&agentId=nobody", token_for("u-1"));
    let local = plain_from(&gateway, &query, Some("http://localhost:5173")).await;
    assert_eq!(
        (local.status, &local.headers["access-control-allow-origin"]),
        (404, &"http://localhost:5173".parse().unwrap())
    );
    let other = plain_from(&gateway, &query, Some("https://example.com")).await;
    assert_eq!((other.status, other.body["code"].as_str()), (403, Some("origin_not_allowed")));
    assert!(!other.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_wrong_token_without_an_upgrade_counts_once() {
    let mut limits = Limits::default();
    limits.address.failures_per_minute = NonZeroU32::new(3).unwrap();
    let builder = Gateway::builder().limits(limits).dashboard_auth(Arc::new(jwt_auth()));
    let (gateway, _, _) = gateway_with(builder).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        let answer = plain(&gateway, "token=nonsense&agentId=trader").await;
        answers.push((answer.status, answer.headers.contains_key("retry-after")));
    }
    assert_eq!(answers, [(401, false), (401, false), (401, false), (429, true)]);
}

#[tokio::test]
async fn the_audit_says_which_kind_of_token_a_dashboard_came_with() {
    let gateway = gateway().await;
    let key = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(key.expose_secret());
    let records = async || {
        let page = admin.get("/v1/audit?action=feed.connect").await.body;
        let items = page["items"].as_array().unwrap().clone();
        let kinds = items.iter().map(|item| {
            let credential = item["actor"]["credential"].as_str().unwrap().split('_').next().unwrap().to_owned();
            (credential, item["actor"]["userId"].clone(), item["detail"].as_str().unwrap().to_owned())
        });
        kinds.collect::<Vec<_>>()
    };
    Dashboard::of(&gateway, "trader").await;
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &token_for("u-1"), "trader")).await;
    dashboard.expect("connected").await;
    let of = |kind: &str, detail: &str| (kind.to_owned(), json!("u-1"), detail.to_owned());
    assert_eq!(
        records().await,
        [of("app", "with a token of the application"), of("tok", "with a token of the gateway")]
    );
}

#[tokio::test]
async fn serve_takes_the_applications_secret_from_the_environment_and_shows_it_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let mut serve =
        command(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--log-filter", "trace"]);
    serve.env("PLATOOLS_GATEWAY_FEED_JWT_SECRET", SECRET);
    let program = Program::logging_to(std::fs::File::create(&log).unwrap(), serve).await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    assert_eq!(admin.post("/v1/agents", json!({"slug": "trader", "owner": "u-1"})).await.status, 201);
    let (good, wrong) = (token_for("u-1"), jwt("another secret of an application!", &json!({"userId": "u-1"})));
    let dial =
        |token: &str| Dial::at(&program.url.replace("http://", "ws://"), &format!("/ws?token={token}&agentId=trader"));
    let mut dashboard = Dashboard::open(dial(&good)).await;
    dashboard.expect("connected").await;
    assert_eq!(Dashboard::refused(dial(&wrong)).await, 401);
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("token of the application refused"), "{logged}");
    let hidden = [&good, &wrong].into_iter().flat_map(|token| token.split('.').skip(1)).chain([SECRET]);
    for hidden in hidden {
        assert_eq!(logged.lines().find(|line| line.contains(hidden)), None, "{hidden}");
    }
}

#[tokio::test]
async fn config_check_refuses_a_short_secret_of_an_application_and_prints_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let check = async |secret: &str| {
        std::fs::write(&file, secret).unwrap();
        let words = ["config", "check", "--data", "/d", "--feed-jwt-secret-file", file.to_str().unwrap()];
        output(&[&words[..], &["--feed-jwt-issuer", "app"]].concat()).await
    };
    let short = check("hush-hush").await;
    let error = String::from_utf8(short.stderr.clone()).unwrap();
    assert_eq!(short.status.code(), Some(1));
    assert!(error.contains("at least 32") && error.contains("feed.jwt.secret_file"), "{error}");
    let good = check(SECRET).await;
    let printed = stdout(&good);
    let expected = format!("[feed.jwt]\nsecret_file = \"{}\"\nissuer = \"app\"\n", file.display());
    assert!(printed.contains(&expected), "{printed}");
    assert!(!printed.contains(SECRET) && !error.contains("hush-hush"));
}
