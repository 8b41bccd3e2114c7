//! Tests of agents with sessions over HTTP.

use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::runtime_agent::{Agent, is_refused, started};
use crate::support::{Caller, dev_gateway};

#[tokio::test]
async fn a_session_begins_is_shown_to_its_agent_and_ends() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let status = agent.get("/v1/runtime/status").await;
    let agent_id = status["agentId"].clone();
    assert!(agent_id.as_str().unwrap().starts_with("agent_"), "{status}");
    let without =
        json!({"agentId": agent_id, "address": "scout", "displayName": null, "status": "inactive", "session": null});
    assert_eq!(status, without);

    let body = json!({"clientName": "c", "clientVersion": "1", "metadata": {"model": "m"}, "more": 1});
    let connected = agent.http.post("/v1/runtime/connect", body).await;
    assert_eq!(connected.status, 201);
    let session = connected.body["sessionId"].as_str().unwrap();
    assert!(session.starts_with("sess_"), "{connected:?}");
    assert_eq!((&connected.body["agentId"], &connected.body["address"]), (&agent_id, &json!("scout")));
    let status = agent.get("/v1/runtime/status").await;
    assert_eq!((&status["status"], &status["session"]["sessionId"]), (&json!("active"), &json!(session)));
    assert_eq!(status["session"]["connectedAt"], connected.body["connectedAt"]);
    assert_eq!(status["session"]["lastHeartbeat"], connected.body["connectedAt"]);
    assert_eq!(status["session"]["metadata"], json!({"model": "m"}));

    let beat = agent.post("/v1/runtime/heartbeat", Value::Null).await;
    assert_eq!(beat["success"], true);
    assert!(beat["lastHeartbeat"].as_str() >= connected.body["connectedAt"].as_str(), "{beat}");
    assert_eq!(agent.get("/v1/runtime/status").await["session"]["lastHeartbeat"], beat["lastHeartbeat"]);

    assert_eq!(agent.post("/v1/runtime/disconnect", json!({"sessionId": session})).await, json!({"success": true}));
    assert_eq!(agent.get("/v1/runtime/status").await, without);
    let (status, error) = agent.refused("POST", "/v1/runtime/heartbeat", Value::Null).await;
    assert!(status == 404 && error.contains("POST /v1/runtime/connect"), "{error}");
    // Nothing is left to be done, and that is fine.
    assert_eq!(agent.post("/v1/runtime/disconnect", Value::Null).await, json!({"success": true}));
}

#[tokio::test]
async fn a_newer_session_takes_the_place_of_the_older() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let (older, newer) = (agent.connect().await, agent.connect().await);
    assert_ne!(older, newer);
    assert_eq!(agent.get("/v1/runtime/status").await["session"]["sessionId"], newer.as_str());
    let (status, error) = agent.refused("POST", "/v1/runtime/disconnect", json!({"sessionId": older})).await;
    assert_eq!((status, &*error), (404, "the agent has no session of that id"));
    assert_eq!(agent.get("/v1/runtime/presence").await["total"], 1);
    agent.post("/v1/runtime/disconnect", json!({})).await;
    assert_eq!(agent.get("/v1/runtime/presence").await["total"], 0);
}

#[tokio::test]
async fn a_session_is_shown_to_no_other_agent_and_not_ended_by_one() {
    let gateway = started().await;
    let (agent, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let session = agent.connect().await;
    let (status, _) = other.refused("POST", "/v1/runtime/disconnect", json!({"sessionId": session})).await;
    assert_eq!(status, 404);
    other.connect().await;
    let (status, _) = other.refused("POST", "/v1/runtime/disconnect", json!({"sessionId": session})).await;
    assert_eq!(status, 404);
    let channel = other.channel("c").await;
    agent.post(&format!("/v1/channels/{channel}/join"), Value::Null).await;
    for path in ["/v1/runtime/presence", "/v1/runtime/status", "/v1/channels/c/members", "/v1/channels/c/presence"] {
        assert!(!other.get(path).await.to_string().contains(&session), "{path}");
    }
    assert_eq!(agent.get("/v1/runtime/status").await["session"]["sessionId"], session.as_str());
}

#[tokio::test]
async fn presence_lists_who_is_there_a_page_at_a_time() {
    let gateway = started().await;
    let mut agents = Vec::new();
    for number in 0..5 {
        agents.push(Agent::new(&gateway, &format!("agent-{number}")).await);
        agents[number].connect().await;
    }
    let page = agents[0].get("/v1/runtime/presence?limit=2&offset=1").await;
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(5), &json!(2), &json!(1)));
    let mut members: Vec<_> = page["agents"][0].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["address", "agentId", "connectedAt", "displayName", "lastHeartbeat"]);
    let all = agents[0].get("/v1/runtime/presence").await;
    assert_eq!((&all["limit"], &all["offset"]), (&json!(50), &json!(0)));
    let addresses: Vec<_> = all["agents"].as_array().unwrap().iter().map(|agent| agent["address"].clone()).collect();
    assert_eq!(page["agents"].as_array().unwrap().len(), 2);
    assert_eq!(page["agents"][0]["address"], addresses[1], "pages follow one order");
    assert_eq!(agents[0].get("/v1/runtime/presence?limit=100000").await["limit"], 100);
    let numbers = json!({"agents": [], "total": 5, "limit": 0, "offset": 0});
    assert_eq!(agents[0].get("/v1/runtime/presence?limit=0").await, numbers, "none at most is none");
    let beyond = agents[0].get("/v1/runtime/presence?offset=99999999999999999999999999").await;
    assert_eq!((&beyond["agents"], &beyond["total"]), (&json!([]), &json!(5)));
}

#[tokio::test]
async fn a_bad_limit_or_offset_is_named_with_its_value() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    agent.channel("c").await;
    let whole = |name: &str, value: &str| format!("`{name}` must be a whole number from 0 on, and not `{value}`");
    for path in ["/v1/runtime/presence", "/v1/channels", "/v1/channels/c/members", "/v1/channels/c/presence"] {
        for (name, value) in [("limit", "-1"), ("limit", "ten"), ("limit", ""), ("offset", "1.5"), ("offset", "-5")] {
            let (status, error) = agent.refused("GET", &format!("{path}?{name}={value}"), Value::Null).await;
            assert_eq!((status, error), (400, whole(name, value)), "{path}");
        }
    }
    let (status, error) = agent.refused("GET", "/v1/channels/c/messages?limit=-1", Value::Null).await;
    assert_eq!((status, error), (400, whole("limit", "-1")));
    let (status, error) = agent.refused("GET", "/v1/channels?isPublic=maybe", Value::Null).await;
    assert_eq!((status, error.as_str()), (400, "`isPublic` must be `true` or `false`"));
    for path in ["/v1/channels", "/v1/channels/c/messages", "/v1/channels/c/members"] {
        let page = agent.get(&format!("{path}?limit=0")).await;
        let list = page.as_object().unwrap().values().find(|member| member.is_array());
        assert_eq!(list, Some(&json!([])), "{path}: {page}");
    }
}

#[tokio::test]
async fn whoever_is_no_agent_is_told_how_to_become_one() {
    let gateway = dev_gateway().await;
    let strangers = [Caller::at(&gateway.url()), Caller::at(&gateway.url()).key("wrong")];
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let operator = Caller::at(&gateway.url()).key(key.expose_secret());
    for (method, path) in ROUTES {
        for stranger in &strangers {
            assert_eq!(is_refused(&stranger.send(method, path, "").await).0, 401, "{method} {path}");
        }
        let (status, error) = is_refused(&operator.send(method, path, "").await);
        assert!(status == 403 && error.contains("key add --agent"), "{method} {path}: {error}");
        // Admins read, and take no part.
        let answer = Caller::admin(&gateway).send(method, path, "").await;
        let is_for_agents = method != "GET" || path == "/v1/runtime/status";
        assert_eq!(answer.status == 403, is_for_agents, "{method} {path}: {answer:?}");
    }
}

const ROUTES: [(&str, &str); 15] = [
    ("POST", "/v1/runtime/connect"),
    ("POST", "/v1/runtime/heartbeat"),
    ("GET", "/v1/runtime/status"),
    ("GET", "/v1/runtime/presence"),
    ("POST", "/v1/runtime/disconnect"),
    ("POST", "/v1/ws/ticket"),
    ("GET", "/v1/channels"),
    ("POST", "/v1/channels"),
    ("GET", "/v1/channels/c"),
    ("POST", "/v1/channels/c/join"),
    ("POST", "/v1/channels/c/leave"),
    ("GET", "/v1/channels/c/members"),
    ("GET", "/v1/channels/c/presence"),
    ("GET", "/v1/channels/c/messages"),
    ("POST", "/v1/channels/c/messages"),
];

#[tokio::test]
async fn every_route_is_described_with_its_own_kind_of_error() {
    let gateway = started().await;
    let document = Caller::at(&gateway.url()).get("/openapi.json").await.body;
    for (method, path) in ROUTES {
        let path = match path.strip_prefix("/v1/channels/c") {
            Some(rest) => format!("/v1/channels/{{channel}}{rest}"),
            None => path.to_owned(),
        };
        let operation = &document["paths"][&path][method.to_lowercase()];
        let error = &operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(error, "#/components/schemas/RuntimeFailure", "{method} {path}: {operation}");
    }
    assert!(document["components"]["schemas"]["RuntimeFailure"]["properties"]["error"].is_object());
    assert_eq!(document["paths"]["/v1/tools"]["get"]["tags"], json!(["tools"]), "the rest is still there");
}

#[tokio::test]
async fn a_viewer_may_connect_be_present_and_read() {
    let gateway = started().await;
    let operator = Agent::new(&gateway, "scout").await;
    let channel = operator.channel("news").await;
    operator.say("news", "hello").await;
    let viewer = Agent::with_role(&gateway, "scout", Role::Viewer).await;
    let mut socket = viewer.join().await;
    viewer.post("/v1/runtime/heartbeat", Value::Null).await;
    for path in ["/v1/runtime/presence", "/v1/runtime/status", "/v1/channels", "/v1/channels/news/messages"] {
        viewer.get(path).await;
    }
    // The agent is a member, whichever of its keys it became one with.
    socket.subscribe(&channel).await;
    operator.say("news", "again").await;
    assert_eq!(socket.event("channel.message").await["content"], "again");
    for (path, body) in [
        ("/v1/channels", json!({"slug": "x", "name": "x"})),
        ("/v1/channels/news/join", json!(null)),
        ("/v1/channels/news/leave", json!(null)),
        ("/v1/channels/news/messages", json!({"content": "no"})),
    ] {
        let (status, error) = viewer.refused("POST", path, body).await;
        assert!(status == 403 && error.contains("operator"), "{path}: {error}");
    }
    viewer.post("/v1/runtime/disconnect", Value::Null).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_words() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    for (body, status, words) in [
        (json!({"metadata": {"x": "y".repeat(8 * 1024)}}), 400, "at most 8192"),
        (json!({"metadata": [1]}), 400, "must be a JSON object"),
        (json!({"metadata": {"x": nested(200)}}), 400, "recursion limit"),
        (json!([1]), 400, "must be a JSON object"),
        (json!({"clientName": 7}), 400, "not what is expected"),
        (json!({"x": "y".repeat(256 * 1024)}), 413, "larger than 262144 bytes"),
    ] {
        let (refused, error) = agent.refused("POST", "/v1/runtime/connect", body).await;
        assert!(refused == status && error.contains(words), "{refused} {error}");
    }
    let half = agent.http.send("POST", "/v1/runtime/connect", r#"{"metadata": {"x": "\ud800"}}"#).await;
    assert_eq!(half.status, 201, "half a character is replaced, so that everybody can read it: {half:?}");
    let status = agent.get("/v1/runtime/status").await;
    assert_eq!(status["session"]["metadata"], json!({"x": "\u{fffd}"}));
    let fits = json!({"metadata": {"x": "y".repeat(8 * 1024 - 8)}});
    assert_eq!(agent.http.post("/v1/runtime/connect", fits).await.status, 201);
    assert_eq!(agent.http.send("POST", "/v1/runtime/connect", "").await.status, 201, "the body may be left out");
    let (status, error) = agent.refused("POST", "/v1/runtime/disconnect", json!({"sessionId": 7})).await;
    assert!(status == 400 && error.contains("sessionId") | error.contains("string"), "{error}");
    let (status, error) = agent.refused("PUT", "/v1/runtime/connect", Value::Null).await;
    assert_eq!((status, &*error), (405, "/v1/runtime/connect does not take PUT"));
}

/// Nested lists, `depth` of them.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!([]), |inner, _| json!([inner]))
}

#[tokio::test]
async fn agents_of_other_projects_see_nothing_of_each_other() {
    let gateway = started().await;
    let here = Agent::new(&gateway, "scout").await;
    let there = agent_of(&gateway, "acme/shop", "scout").await;
    let (mut here_socket, mut there_socket) = (here.join().await, there.join().await);
    let channel = here.channel("general").await;
    for agent in [&here, &there] {
        assert_eq!(agent.get("/v1/runtime/presence").await["total"], 1);
    }
    assert_eq!(there.get("/v1/channels").await["channels"], json!([]));
    for name in [channel.as_str(), "general"] {
        for (method, path) in [("GET", ""), ("POST", "/join"), ("GET", "/messages"), ("GET", "/members")] {
            let (status, _) = there.refused(method, &format!("/v1/channels/{name}{path}"), Value::Null).await;
            assert_eq!(status, 404);
        }
    }
    let subscribe = json!({"type": "channel.subscribe", "channelId": channel}).to_string();
    assert_eq!(there_socket.refused(&subscribe).await, "there is no such channel");
    // The same slug is another channel there.
    there.channel("general").await;
    here_socket.subscribe(&channel).await;
    here.say("general", "between us").await;
    there.post("/v1/runtime/disconnect", json!(null)).await;
    assert_eq!(here_socket.event("channel.message").await["content"], "between us");
    // Neither who came nor who went was told.
    here_socket.settle().await;
    assert_eq!(there_socket.closed().await.0, 1000);
}

/// A new agent of a new project, with an operator's key.
async fn agent_of(gateway: &Gateway, project: &str, slug: &str) -> Agent {
    use platools_gateway::admin::NewKey;
    use platools_gateway::domain::agent_profile::Profile;

    let (projects, name) = (gateway.core().local_projects(), project.parse().unwrap());
    projects.add(&name).await.unwrap();
    let admin = projects.admin(&name).unwrap();
    admin.add_agent(slug, Profile::default()).await.unwrap();
    let mut key = NewKey::new(Role::Operator);
    key.credential.agent = Some(slug.to_owned());
    let key = admin.add_key(key).await.unwrap().secret;
    Agent::known(&gateway.url(), slug, key.expose_secret())
}
