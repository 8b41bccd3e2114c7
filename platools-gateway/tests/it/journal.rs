//! Tests of the journal: records, filters, redaction, retention and replay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platools_gateway::journal::JournalSettings;
use platools_gateway::{Gateway, Recording, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::program_process::{Program, last_word, output, stdout};
use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended, gateway_with, tool, within};

/// Answers every call with its argument `return`, or fails it with its argument `fail`; `wait` has no answer. Ends with the
/// socket.
fn serve(mut worker: Worker) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(text) = worker.next_text_if_any().await {
            let call: Value = serde_json::from_str(&text).unwrap();
            if call["type"] != "tool_call" || call["params"]["wait"] == true {
                continue;
            }
            let id = &call["call_id"];
            let answer = match call["params"].get("fail") {
                Some(error) => json!({"type": "tool_error", "call_id": id, "error": error}),
                None => json!({
                    "type": "tool_result", "call_id": id, "result": call["params"]["return"], "latency_ms": 7
                }),
            };
            worker.send(answer).await;
        }
    })
}

/// A worker of the development entity that answers its calls.
async fn served(gateway: &Gateway, tools: &[&str]) -> JoinHandle<()> {
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.register(tools).await;
    serve(worker)
}

async fn list(caller: &Caller, query: &str) -> Vec<Value> {
    let listing = caller.get(&format!("/v1/calls{query}")).await;
    assert_eq!(listing.status, 200, "{listing:?}");
    listing.body["items"].as_array().unwrap().clone()
}

async fn show(caller: &Caller, call_id: &str) -> Value {
    let shown = caller.get(&format!("/v1/calls/{call_id}")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body
}

fn ids(calls: &[Value]) -> Vec<String> {
    calls.iter().map(|call| call["callId"].as_str().unwrap().to_owned()).collect()
}

/// Number of calls of each outcome.
fn outcomes(calls: &[Value]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counted
}

/// The response to a caller: `ok`, or the problem's code.
fn told(answer: &Answer) -> String {
    if answer.status == 200 { "ok".to_owned() } else { answer.body["code"].as_str().unwrap().to_owned() }
}

fn arguments(arguments: &Value) -> Value {
    json!({ "arguments": arguments })
}

/// Begins a call over a connection of its own.
async fn begin(gateway: &Gateway, tool: &str) -> TcpStream {
    let mut connection = within(TcpStream::connect(gateway.address())).await.unwrap();
    let head = format!(
        "POST /v1/tools/{tool}/call HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 2\r\n\r\n{{}}",
        dev::ADMIN_KEY
    );
    within(connection.write_all(head.as_bytes())).await.unwrap();
    connection
}

#[tokio::test]
async fn each_call_is_there_once_with_how_it_ended() {
    let gateway = dev_gateway().await;
    let other = gateway.add_entity("other").await.unwrap();
    let mut away = Dial::to(&gateway, "/ws/sdk").secret(other.expose_secret()).welcomed().await;
    away.register(&["away"]).await;
    away.leave().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let mut strict = tool("strict");
    strict["input_schema"]["required"] = json!(["id"]);
    worker.send(json!({"type": "tool_register", "tools": [tool("echo"), tool("off"), strict]})).await;
    worker.expect("tools_registered").await;
    let _worker = serve(worker);
    let admin = Caller::admin(&gateway);
    let viewer = Caller::at(&gateway.url()).key(gateway.add_key(Role::Viewer).await.unwrap().expose_secret());
    assert_eq!(admin.send("PATCH", "/v1/tools/off", r#"{"enabled":false}"#).await.status, 200);

    let answers = [
        ("ok", admin.call("echo", arguments(&json!({"return": [1]}))).await),
        ("tool_failed", admin.call("echo", arguments(&json!({"fail": "no"}))).await),
        ("timeout", admin.call("echo", json!({"arguments": {"wait": true}, "timeoutMs": 1})).await),
        ("forbidden", viewer.call("echo", json!({})).await),
        ("tool_disabled", admin.call("off", json!({})).await),
        ("invalid_arguments", admin.call("strict", json!({})).await),
        ("worker_offline", admin.call("away", json!({})).await),
    ];
    for unnamed in ["none", "%20"] {
        admin.call(unnamed, json!({})).await.is_problem(404, "unknown_tool", false);
    }
    let calls = list(&admin, "").await;
    assert_eq!(calls.len(), answers.len(), "{calls:?}");
    for (outcome, answer) in &answers {
        assert_eq!(told(answer), *outcome, "{answer:?}");
        let call_id = answer.body["callId"].as_str().unwrap();
        let found: Vec<_> = calls.iter().filter(|call| call["callId"] == call_id).collect();
        assert_eq!(found.len(), 1, "{outcome}: {calls:?}");
        assert_eq!((&found[0]["outcome"], &found[0]["status"]), (&json!(outcome), &json!("ended")));
    }
}

#[tokio::test]
async fn a_call_is_recorded_with_who_what_when_and_how_long() {
    let gateway = dev_gateway().await;
    let _worker = served(&gateway, &["echo"]).await;
    let admin = Caller::admin(&gateway);
    let token = admin
        .send(
            "POST",
            "/v1/tokens",
            json!({"role": "operator", "userId": "u-1", "agentId": dev::AGENT, "ttlSeconds": 60}).to_string(),
        )
        .await;
    let user = Caller::at(&gateway.url()).key(token.body["token"].as_str().unwrap());
    let answer = user.call("echo", arguments(&json!({"return": {"n": 1.50}}))).await;
    let call = show(&admin, answer.body["callId"].as_str().unwrap()).await;
    let agents = admin.get("/v1/agents").await;
    let listing = admin.get("/v1/tools").await;
    assert_eq!(call["agentId"], agents.body["items"][0]["id"]);
    for field in ["entity", "entityId", "environment", "environmentId"] {
        assert_eq!(call[field], listing.body["tools"][0][field], "{call}");
    }
    assert!(call["credential"].as_str().unwrap().starts_with("tok_"), "{call}");
    assert_eq!((&call["tool"], &call["role"], &call["userId"]), (&json!("echo"), &json!("operator"), &json!("u-1")));
    assert_eq!((&call["latencyMs"], &call["argumentsBytes"], &call["resultBytes"]), (&json!(7), &json!(20), &json!(9)));
    assert!(call["totalMs"].is_u64() && call["startedAt"].as_str().unwrap().ends_with('Z'), "{call}");
    assert_eq!(call["arguments"], json!({"state": "kept", "value": {"return": {"n": 1.5}}}));
    assert_eq!(call["result"], json!({"state": "kept", "value": {"n": 1.5}}));
}

#[tokio::test]
async fn callers_of_a_busy_worker_are_recorded_as_what_they_were_told() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).narrow().welcomed().await;
    worker.register(&["slow"]).await;
    let caller = Caller::admin(&gateway);
    let padding = "x".repeat(4 * 1024 * 1024);
    let body = json!({"arguments": {"p": padding}, "timeoutMs": 10_000});
    let calls: Vec<_> = (0..14).map(|_| caller.calling("slow", body.clone())).collect();
    let mut expected = BTreeMap::new();
    for call in calls {
        *expected.entry(told(&ended(call).await)).or_default() += 1;
    }
    assert!(expected.contains_key("worker_busy"), "{expected:?}");
    let calls = list(&caller, "").await;
    assert_eq!(outcomes(&calls), expected);
    let call = show(&caller, calls[0]["callId"].as_str().unwrap()).await;
    assert_eq!(call["arguments"], json!({"state": "dropped"}));
    assert_eq!(call["argumentsBytes"], padding.len() + 8);
}

#[tokio::test]
async fn a_call_is_running_until_its_caller_hangs_up_and_then_abandoned() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let admin = Caller::admin(&gateway);
    let connection = begin(&gateway, "echo").await;
    let frame = worker.expect("tool_call").await;
    let call_id = frame["call_id"].as_str().unwrap();
    let running = show(&admin, call_id).await;
    assert_eq!(
        (&running["status"], &running["outcome"], &running["result"]),
        (&json!("running"), &json!(null), &json!(null))
    );
    assert_eq!(list(&admin, "").await.len(), 0);
    let again = admin.send("POST", &format!("/v1/calls/{call_id}/replay"), "").await;
    again.is_problem(409, "not_replayable", false);

    drop(connection);
    within(async { while show(&admin, call_id).await["status"] == "running" {} }).await;
    let calls = list(&admin, "").await;
    assert_eq!((ids(&calls), outcomes(&calls)), (vec![call_id.to_owned()], [("abandoned".to_owned(), 1)].into()));
}

#[tokio::test]
async fn a_call_that_was_cancelled_is_recorded_as_that() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let admin = Caller::admin(&gateway);
    let call = admin.calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    let call_id = frame["call_id"].as_str().unwrap();
    assert_eq!(show(&admin, call_id).await["status"], "running");
    assert_eq!(admin.send("DELETE", &format!("/v1/calls/{call_id}"), "").await.status, 204);
    ended(call).await.is_problem(409, "cancelled", false);
    let calls = list(&admin, "").await;
    assert_eq!((ids(&calls), outcomes(&calls)), (vec![call_id.to_owned()], [("cancelled".to_owned(), 1)].into()));
}

#[tokio::test]
async fn pages_and_filters_have_neither_gaps_nor_repeats() {
    const CALLS: usize = 250;

    let gateway = dev_gateway().await;
    let _worker = served(&gateway, &["even", "odd"]).await;
    let (admin, agent) = (Caller::admin(&gateway), Caller::at(&gateway.url()).key(dev::AGENT_KEY));
    let mut made = Vec::new();
    for number in 0..CALLS {
        let caller = if number % 5 == 0 { &agent } else { &admin };
        let body = if number % 10 == 0 { json!({"fail": "no"}) } else { json!({"return": number}) };
        let answer = caller.call(["even", "odd"][number % 2], arguments(&body)).await;
        made.push(answer.body["callId"].as_str().unwrap().to_owned());
    }
    made.reverse();

    for (query, expected) in [
        ("", CALLS),
        ("tool=odd", 125),
        ("tool=odd&outcome=tool_failed", 0),
        ("outcome=tool_failed", 25),
        ("outcome=ok&tool=even", 100),
        ("agentId=dev-agent", 50),
        ("entityId=dev", CALLS),
        ("entityId=nobody", 0),
        ("environmentId=DEV", CALLS),
        ("environmentId=prod", 0),
        ("userId=u", 0),
        ("since=2026-01-01T00:00:00Z&until=2226-01-01T00:00:00%2B02:00", CALLS),
        ("until=2020-01-01T00:00:00Z", 0),
    ] {
        for limit in [7, 100] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = admin.get(&format!("/v1/calls?limit={limit}&{query}{cursor}")).await;
                assert_eq!(page.status, 200, "{page:?}");
                let items = page.body["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                seen.extend(ids(items));
                let Some(next) = page.body["nextCursor"].as_str() else { break };
                assert_eq!(items.len(), limit);
                cursor = format!("&cursor={next}");
            }
            assert_eq!(seen.len(), expected, "{query}");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), expected, "{query}");
            if query.is_empty() {
                // Calls of the same millisecond are in an order of their own.
                assert_eq!(seen.iter().collect::<BTreeSet<_>>(), made.iter().collect::<BTreeSet<_>>());
            }
        }
    }
    let times: Vec<_> =
        list(&admin, "?limit=1000").await.into_iter().map(|call| call["startedAt"].to_string()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    let first = times.last().unwrap().trim_matches('"');
    assert_eq!(list(&admin, &format!("?limit=1000&since={first}")).await.len(), CALLS);
    assert_eq!(list(&admin, &format!("?limit=1000&until={first}")).await.len(), 0);
    for query in ["cursor=x", "limit=0", "limit=1001", "since=yesterday", "until=1", "tools=even"] {
        admin.get(&format!("/v1/calls?{query}")).await.is_problem(400, "invalid_request", false);
    }
}

#[tokio::test]
async fn an_agent_sees_its_own_calls_and_a_viewer_those_of_the_project() {
    let gateway = dev_gateway().await;
    let _worker = served(&gateway, &["echo"]).await;
    let (admin, agent) = (Caller::admin(&gateway), Caller::at(&gateway.url()).key(dev::AGENT_KEY));
    let viewer = Caller::at(&gateway.url()).key(gateway.add_key(Role::Viewer).await.unwrap().expose_secret());
    let own = agent.call("echo", arguments(&json!({"return": 1}))).await.body["callId"].as_str().unwrap().to_owned();
    let foreign =
        admin.call("echo", arguments(&json!({"return": 1}))).await.body["callId"].as_str().unwrap().to_owned();
    assert_eq!(ids(&list(&agent, "").await), [own.as_str()]);
    for caller in [&admin, &viewer] {
        assert_eq!(list(caller, "").await.len(), 2);
        assert_eq!(show(caller, &own).await["outcome"], "ok");
    }
    show(&agent, &own).await;
    agent.get(&format!("/v1/calls/{foreign}")).await.is_problem(404, "not_found", false);
    agent.send("POST", &format!("/v1/calls/{foreign}/replay"), "").await.is_problem(404, "not_found", false);
    viewer.send("POST", &format!("/v1/calls/{own}/replay"), "").await.is_problem(403, "forbidden", false);
    Caller::at(&gateway.url()).get("/v1/calls").await.is_problem(401, "unauthenticated", false);
    admin.get("/v1/calls/call_none").await.is_problem(404, "not_found", false);
}

#[tokio::test]
async fn the_journals_routes_are_described() {
    let gateway = dev_gateway().await;
    let document = Caller::at(&gateway.url()).get("/openapi.json").await.body;
    for (path, method) in [("/v1/calls", "get"), ("/v1/calls/{id}", "get"), ("/v1/calls/{id}/replay", "post")] {
        let operation = &document["paths"][path][method];
        assert!(operation["summary"].is_string() && operation["responses"]["4XX"].is_object(), "{path}: {operation}");
    }
    let names = document["paths"]["/v1/calls"]["get"]["parameters"].as_array().unwrap().iter();
    assert_eq!(names.filter(|parameter| parameter["in"] == "query").count(), 11);
}

#[tokio::test]
async fn marked_and_secret_looking_members_are_redacted_and_never_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, secret, caller) = gateway_with(Gateway::builder().data_folder(folder.path())).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    let mut pay = tool("pay");
    pay["input_schema"] = json!({
        "type": "object",
        "$defs": {"card": {"properties": {"number": {"type": "string", "x-sensitive": true}}}},
        "properties": {"card": {"$ref": "#/$defs/card"}}
    });
    pay["output_schema"] = json!({"properties": {"receipt": {"x-sensitive": true}}});
    worker.send(json!({"type": "tool_register", "tools": [pay]})).await;
    worker.expect("tools_registered").await;
    let _worker = serve(worker);
    let given = json!({
        "card": {"number": "hidden-1", "name": "n"}, "headers": [{"Authorization": "hidden-2"}],
        "return": {"receipt": "hidden-3", "apiKey": "hidden-4", "n": 1}
    });
    let answer = caller.call("pay", arguments(&given)).await;
    assert_eq!(answer.body["result"], given["return"], "the caller gets all of it");
    let call = show(&caller, answer.body["callId"].as_str().unwrap()).await;
    let gone = "[redacted]";
    assert_eq!(call["result"], json!({"state": "redacted", "value": {"receipt": gone, "apiKey": gone, "n": 1}}));
    let expected = json!({
        "card": {"number": gone, "name": "n"}, "headers": [{"Authorization": gone}],
        "return": {"receipt": "hidden-3", "apiKey": gone, "n": 1}
    });
    assert_eq!(call["arguments"], json!({"state": "redacted", "value": expected}));
    let again = caller.send("POST", &format!("/v1/calls/{}/replay", call["callId"].as_str().unwrap()), "").await;
    again.is_problem(409, "not_replayable", false);
    assert!(again.detail().contains("redacted"), "{again:?}");

    within(gateway.shutdown()).await;
    for entry in folder.path().read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for hidden in ["hidden-1", "hidden-2", "hidden-4"] {
            assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
        }
    }
}

#[tokio::test]
async fn values_that_look_like_secrets_are_redacted_wherever_they_are_and_never_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, secret, caller) = gateway_with(Gateway::builder().data_folder(folder.path())).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["fetch"]).await;
    let _worker = serve(worker);
    let body = json!({"user": "u", "password": "planted-4"}).to_string();
    for (given, expected) in [
        (
            json!({"headers": [{"name": "Authorization", "value": "Bearer plt_key_planted1"}]}),
            json!({"headers": [{"name": "Authorization", "value": "[redacted]"}]}),
        ),
        (json!({"url": "https://a/?token=planted-2"}), json!({"url": "https://a/?token=[redacted]"})),
        (json!({"from": "postgres://u:planted-3@h/d"}), json!({"from": "postgres://u:[redacted]@h/d"})),
        (json!({"body": body}), json!({"body": body.replace("planted-4", "[redacted]")})),
        (json!({"argv": ["mysql", "--password", "planted-5"]}), json!({"argv": ["mysql", "--password", "[redacted]"]})),
        (json!({"pwd": "planted-6", "author": "me"}), json!({"pwd": "[redacted]", "author": "me"})),
        (json!({"note": "use eyJhbGciOiJIUzI1NiJ9.eyJzIjoxfQ.planted7"}), json!({"note": "use [redacted]"})),
    ] {
        let answer = caller.call("fetch", arguments(&json!({"return": given}))).await;
        assert_eq!(answer.body["result"], given, "the caller gets all of it");
        let call_id = answer.body["callId"].as_str().unwrap().to_owned();
        let call = show(&caller, &call_id).await;
        assert_eq!(call["result"], json!({"state": "redacted", "value": expected}));
        assert_eq!(call["arguments"], json!({"state": "redacted", "value": {"return": expected}}));
        let again = caller.send("POST", &format!("/v1/calls/{call_id}/replay"), "").await;
        again.is_problem(409, "not_replayable", false);
    }

    within(gateway.shutdown()).await;
    for entry in folder.path().read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"planted"));
    }
}

#[tokio::test]
async fn the_settings_say_what_is_kept() {
    let given = json!({"password": "p", "return": "x".repeat(50)});
    for (setup, expected) in [
        (JournalSettings::default().with(|journal| journal.recording = Recording::Full), ("kept", "kept")),
        (JournalSettings::default().with(|journal| journal.recording = Recording::Nothing), ("dropped", "dropped")),
        (
            JournalSettings::default().with(|journal| journal.sensitive_names = vec!["return".to_owned()]),
            ("redacted", "kept"),
        ),
        (JournalSettings::default().with(|journal| journal.max_payload_bytes = 52), ("dropped", "kept")),
    ] {
        let (gateway, secret, caller) = gateway_with(Gateway::builder().journal(setup)).await;
        let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
        worker.register(&["echo"]).await;
        let _worker = serve(worker);
        let answer = caller.call("echo", arguments(&given)).await;
        let call = show(&caller, answer.body["callId"].as_str().unwrap()).await;
        let states = (call["arguments"]["state"].as_str().unwrap(), call["result"]["state"].as_str().unwrap());
        assert_eq!(states, expected);
        assert_eq!(call["resultBytes"], 52);
        let value = &call["arguments"]["value"];
        assert_eq!(value.is_null(), expected.0 == "dropped");
        assert!(expected.0 != "kept" || *value == given);
    }
}

#[tokio::test]
async fn a_replay_calls_again_with_the_same_arguments_as_the_present_caller() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).header("platools-features", "cancel").welcomed().await;
    worker.register(&["echo"]).await;
    let (admin, agent) = (Caller::admin(&gateway), Caller::at(&gateway.url()).key(dev::AGENT_KEY));
    let body = r#"{"arguments": {"n": 123456789012345678901234567890, "t": 1.50}}"#;
    let first = tokio::spawn(async move { agent.send("POST", "/v1/tools/echo/call", body).await });
    let text = worker.next_text().await;
    let frame: Value = serde_json::from_str(&text).unwrap();
    worker.answer(&frame, json!("first")).await;
    let first = ended(first).await.body["callId"].as_str().unwrap().to_owned();

    let again = admin.clone();
    let path = format!("/v1/calls/{first}/replay?timeoutMs=60000");
    let second = tokio::spawn(async move { again.send("POST", &path, "").await });
    let replayed = worker.next_text().await;
    let sent = r#""params":{"n":123456789012345678901234567890,"t":1.50,"_context""#;
    assert!(text.contains(sent) && replayed.contains(sent), "{replayed}");
    let frame: Value = serde_json::from_str(&replayed).unwrap();
    worker.answer(&frame, json!("second")).await;
    let second = ended(second).await;
    assert_eq!((second.status, &second.body["result"]), (200, &json!("second")));
    assert_ne!(second.body["callId"], first);
    let call = show(&admin, second.body["callId"].as_str().unwrap()).await;
    assert_eq!((&call["role"], &call["agentId"]), (&json!("admin"), &json!(null)));
    let refused = admin.send("POST", &format!("/v1/calls/{first}/replay?timeoutMs=0"), "").await;
    refused.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn a_stopped_gateway_has_written_every_call_also_those_it_cut_off() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().drain_limit(Duration::from_millis(1))).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let calls: Vec<_> = (0..40).map(|n| caller.calling("echo", arguments(&json!({ "return": n })))).collect();
    for number in 0..40 {
        let frame = worker.expect("tool_call").await;
        if number >= 5 {
            worker.answer(&frame, json!(null)).await;
        }
    }
    let answers = tokio::spawn(async move {
        let mut answers = Vec::new();
        for call in calls {
            answers.push(told(&ended(call).await));
        }
        answers
    });
    worker.settle().await;
    let stopped = within(gateway.stop()).await;
    let told = within(answers).await.unwrap();
    assert_eq!(told.iter().filter(|code| *code == "interrupted").count(), 5, "{told:?}");
    let gateway = within(stopped.start()).await.unwrap();
    let expected = [("interrupted".to_owned(), 5), ("ok".to_owned(), 35)].into();
    assert_eq!(outcomes(&list(&caller, "").await), expected);
    within(gateway.shutdown()).await;
}

/// A program on a folder, an admin, and a worker that answers.
async fn running(folder: &std::path::Path) -> (Program, Caller) {
    let program = Program::serve(folder).await;
    let key = last_word(&program.before[0]).to_owned();
    let added = output(&["entity", "add", "orders", "--data", folder.to_str().unwrap()]).await;
    let mut worker = program.dial(last_word(&stdout(&added))).welcomed().await;
    worker.register(&["echo"]).await;
    drop(serve(worker));
    let caller = Caller::at(&program.url).key(&key);
    (program, caller)
}

async fn make(caller: &Caller, count: usize) -> BTreeSet<String> {
    let calls: Vec<_> = (0..count).map(|n| caller.calling("echo", arguments(&json!({ "return": n })))).collect();
    let mut made = BTreeSet::new();
    for call in calls {
        made.insert(ended(call).await.body["callId"].as_str().unwrap().to_owned());
    }
    made
}

/// The calls of a program that is started on the folder now.
async fn kept(folder: &std::path::Path, caller: Caller) -> BTreeSet<String> {
    let program = Program::serve(folder).await;
    let calls = list(&caller.moved_to(&program.url), "?limit=1000").await;
    ids(&calls).into_iter().collect()
}

#[tokio::test]
async fn a_program_that_is_killed_has_every_call_that_it_had_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (program, caller) = running(folder.path()).await;
    let made = make(&caller, 60).await;
    let shown: BTreeSet<_> = ids(&list(&caller, "?limit=1000").await).into_iter().collect();
    assert_eq!(shown, made);
    program.signal("-KILL").await;
    assert_eq!(program.exit_code().await, None);
    assert_eq!(kept(folder.path(), caller).await, made);
}

#[tokio::test]
async fn a_program_that_is_terminated_has_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let (program, caller) = running(folder.path()).await;
    let made = make(&caller, 60).await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    assert_eq!(kept(folder.path(), caller).await, made);
}

/// A gateway on a folder, a worker that answers, and another hand on the database.
async fn with_database(folder: &std::path::Path) -> (Gateway, Caller, SqliteConnection) {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().data_folder(folder)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    drop(serve(worker));
    let options = SqliteConnectOptions::new().filename(folder.join("gateway.sqlite"));
    let database = within(SqliteConnection::connect_with(&options)).await.unwrap();
    (gateway, caller, database)
}

async fn execute(database: &mut SqliteConnection, sql: &'static str) {
    within(sqlx::query(sql).execute(database)).await.unwrap();
}

#[tokio::test]
async fn calls_do_not_wait_for_a_database_that_is_busy_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, caller, mut database) = with_database(folder.path()).await;
    execute(&mut database, "BEGIN IMMEDIATE").await;
    let made = make(&caller, 60).await;
    assert_eq!(gateway.journal_figures().written, 0);
    execute(&mut database, "COMMIT").await;
    within(async { while list(&caller, "").await.len() < 60 {} }).await;
    assert_eq!(ids(&list(&caller, "").await).into_iter().collect::<BTreeSet<_>>(), made);
    let figures = gateway.journal_figures();
    assert_eq!((figures.written, figures.lost, figures.waiting), (60, 0, 0));
}

#[tokio::test]
async fn calls_go_on_while_the_database_takes_nothing_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, caller, mut database) = with_database(folder.path()).await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    execute(&mut database, full).await;
    let mut made = make(&caller, 5).await;
    // Each look waits a second for what is not written yet, until the first attempts are over.
    for _ in 0..3 {
        assert_eq!(list(&caller, "").await, Vec::<Value>::new());
    }
    made.extend(make(&caller, 5).await);
    execute(&mut database, "DROP TRIGGER full").await;
    within(async { while list(&caller, "").await.len() < 10 {} }).await;
    assert_eq!(ids(&list(&caller, "").await).into_iter().collect::<BTreeSet<_>>(), made);
    assert_eq!((gateway.journal_figures().written, gateway.journal_figures().lost), (10, 0));
}

#[tokio::test]
async fn a_record_that_the_database_refuses_costs_no_other_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, caller, mut database) = with_database(folder.path()).await;
    let refusing = "CREATE TRIGGER refuse BEFORE INSERT ON calls WHEN NEW.outcome = 'tool_failed' \
                    BEGIN SELECT RAISE(ABORT, 'refused'); END";
    execute(&mut database, refusing).await;
    let mut made = make(&caller, 3).await;
    let failed = caller.call("echo", arguments(&json!({"fail": "x"}))).await;
    failed.is_problem(422, "tool_failed", false);
    made.extend(make(&caller, 3).await);
    within(async {
        while gateway.journal_figures().waiting > 0 {
            list(&caller, "").await;
        }
    })
    .await;
    assert_eq!(ids(&list(&caller, "").await).into_iter().collect::<BTreeSet<_>>(), made);
    let figures = gateway.journal_figures();
    assert_eq!((figures.written, figures.lost, figures.payloads_dropped), (6, 1, 0));
}

#[tokio::test]
async fn calls_that_are_too_old_are_deleted() {
    let setup = Gateway::builder()
        .journal(JournalSettings::default().with(|journal| journal.max_age = Duration::from_millis(300)));
    let (gateway, secret, caller) = gateway_with(setup).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let _worker = serve(worker);
    let answer = caller.call("echo", arguments(&json!({"return": 1}))).await;
    assert_eq!(answer.status, 200);
    within(async { while !list(&caller, "").await.is_empty() {} }).await;
    let path = format!("/v1/calls/{}", answer.body["callId"].as_str().unwrap());
    caller.get(&path).await.is_problem(404, "not_found", false);
}

#[tokio::test]
async fn the_oldest_calls_are_deleted_when_all_together_are_too_much() {
    let setup = Gateway::builder().journal(JournalSettings::default().with(|journal| journal.max_bytes = 20 * 1024));
    let (gateway, secret, caller) = gateway_with(setup).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let _worker = serve(worker);
    for number in 0..40 {
        caller.call("echo", arguments(&json!({"return": number, "padding": "x".repeat(1000)}))).await;
    }
    let mut left = Vec::new();
    within(async {
        while left.is_empty() || left.len() > 10 {
            left = list(&caller, "").await;
        }
    })
    .await;
    let newest = show(&caller, left[0]["callId"].as_str().unwrap()).await;
    assert!(left.len() >= 8 && newest["arguments"]["value"]["return"].as_u64() >= Some(30), "{left:?}");
}
