//! Titles and icons of entities: how they are said, and where people see them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use platools_gateway::{Gateway, dev};
use rmcp::ServiceExt as _;
use serde_json::{Value, json};

use crate::mcp_raw::{Client, initialize};
use crate::process::{Data, command, last_word};
use crate::rpc_caller::RpcCaller;
use crate::support::{Answer, Caller, dev_gateway, within};

const URL: &str = "https://cdn.example.com/orders.png";
const DATA: &str = "data:image/png;base64,iVBORw0KGgo=";

/// What a client is told of an entity when it opens a session.
async fn server_info(client: Client) -> Value {
    client.initialized().await.1["serverInfo"].take()
}

fn orders(url: &str, key: &str) -> Client {
    Client::at(url, "/mcp/entities/orders").key(key)
}

async fn add(gateway: &Gateway, card: Value) -> Answer {
    let mut body = json!({"slug": "orders"});
    body.as_object_mut().unwrap().extend(card.as_object().unwrap().clone());
    Caller::admin(gateway).post("/v1/entities", body).await
}

async fn change(gateway: &Gateway, card: Value) -> Answer {
    Caller::admin(gateway).send("PATCH", "/v1/entities/orders", card.to_string()).await
}

#[tokio::test]
async fn a_session_that_is_opened_is_told_the_title_and_the_icon_as_they_are_then() {
    let gateway = dev_gateway().await;
    let (url, key, version) = (gateway.url(), dev::ADMIN_KEY, env!("CARGO_PKG_VERSION"));
    let added = add(&gateway, json!({"title": "  Orders of the shop ", "icon": URL})).await;
    assert_eq!(added.status, 201, "{added:?}");
    let (title, icon) = (&added.body["entity"]["title"], &added.body["entity"]["icon"]);
    assert_eq!((title, icon), (&json!("Orders of the shop"), &json!(URL)));
    let (before, said) = orders(&url, key).initialized().await;
    let shown = json!({"name": "orders", "version": version, "title": "Orders of the shop", "icons": [{"src": URL}]});
    assert_eq!(said["serverInfo"], shown);

    let changed = change(&gateway, json!({"icon": DATA})).await;
    let (title, icon) = (&changed.body["title"], &changed.body["icon"]);
    assert_eq!((changed.status, title, icon), (200, &json!("Orders of the shop"), &json!(DATA)));
    let icons = json!([{"src": DATA, "mimeType": "image/png"}]);
    assert_eq!(server_info(orders(&url, key)).await["icons"], icons);
    assert_eq!(before.names().await, [""; 0], "the session that was open goes on");

    let changed = change(&gateway, json!({"title": "", "icon": null})).await;
    assert_eq!((&changed.body["title"], &changed.body["icon"]), (&Value::Null, &Value::Null));
    assert_eq!(server_info(orders(&url, key)).await, json!({"name": "orders", "version": version}));
    let listed = Caller::admin(&gateway).get("/v1/entities").await.body;
    assert_eq!(listed["items"][1], changed.body);
}

#[tokio::test]
async fn a_client_without_a_session_is_told_as_well() {
    let gateway = dev_gateway().await;
    add(&gateway, json!({"title": "Orders", "icon": URL})).await;
    let client = orders(&gateway.url(), dev::ADMIN_KEY).with("mcp-protocol-version", "2026-07-28");
    let about = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let told = client.with("mcp-method", "server/discover").asked("server/discover", json!({"_meta": about})).await;
    let server = &told["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!((&server["name"], &server["title"]), (&json!("orders"), &json!("Orders")), "{told}");
    assert_eq!(server["icons"], json!([{"src": URL}]));
}

#[tokio::test]
async fn what_is_no_title_or_icon_is_refused_and_changes_nothing() {
    let gateway = dev_gateway().await;
    for (card, says) in [
        (json!({"title": " "}), "1 to 128 characters"),
        (json!({"icon": "http://a.example/a.png"}), "begins with `https://`"),
        (json!({"icon": "javascript:alert(1)"}), "begins with `https://`"),
        (json!({"icon": format!("data:image/png;base64,{}", "A".repeat(32 * 1024))}), "32 KiB"),
    ] {
        let refused = add(&gateway, card).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains(says), "{refused:?}");
    }
    assert_eq!(add(&gateway, json!({"title": "Orders", "icon": URL})).await.status, 201, "none was added before");
    for (card, says) in [
        (json!({"title": "Others", "icon": "https://user:hush@a.example/a.png"}), "no password"),
        (json!({"title": "a\nb"}), "control characters"),
        (json!({}), "say what changes"),
        (json!({"name": "Orders"}), "name"),
    ] {
        let refused = change(&gateway, card).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains(says) && !refused.detail().contains("hush"), "{refused:?}");
    }
    let server = server_info(orders(&gateway.url(), dev::ADMIN_KEY)).await;
    assert_eq!((&server["title"], &server["icons"]), (&json!("Orders"), &json!([{"src": URL}])));
    let nobody = Caller::admin(&gateway).send("PATCH", "/v1/entities/nobody", r#"{"title":"x"}"#).await;
    nobody.is_problem(404, "not_found", false);
    let viewer = Caller::at(&gateway.url()).key(dev::AGENT_KEY);
    viewer.send("PATCH", "/v1/entities/orders", r#"{"title":"x"}"#).await.is_problem(403, "forbidden", false);
}

#[tokio::test]
async fn titles_and_icons_are_said_over_rpc_as_well() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    let added = admin.ok("entities.create", json!({"slug": "orders", "title": "Orders", "icon": URL})).await;
    assert_eq!((&added["entity"]["title"], &added["entity"]["icon"]), (&json!("Orders"), &json!(URL)));
    let id = &added["entity"]["id"];
    let changed = admin.ok("entities.update", json!({"entityId": id, "title": "Bestellungen", "icon": ""})).await;
    assert_eq!((&changed["title"], &changed["icon"]), (&json!("Bestellungen"), &Value::Null));
    assert_eq!(admin.ok("entities.list", json!({})).await["items"][1], changed);
    for (params, code) in [
        (json!({"entityId": "orders"}), "INVALID_REQUEST"),
        (json!({"entityId": "orders", "icon": "file:///etc/passwd"}), "INVALID_REQUEST"),
        (json!({"entityId": "nobody", "title": "x"}), "NOT_FOUND"),
    ] {
        assert_eq!(admin.code("entities.update", params).await, code);
    }
    let mut operator = RpcCaller::operator(&gateway, "u").await;
    assert_eq!(operator.code("entities.update", json!({"entityId": "orders", "title": "x"})).await, "FORBIDDEN");
}

/// Opens sessions until the gateway has noticed what the command line changed, and returns what it says of the entity then.
async fn noticed(url: &str, key: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not notice");
        let client = orders(url, key);
        if client.post(&initialize()).await.status() != 200 {
            continue;
        }
        let server = server_info(client).await;
        if is_so(&server) {
            return server;
        }
    }
}

#[tokio::test]
async fn the_command_line_says_them_beside_a_gateway_that_runs() {
    let (data, program) = Data::served().await;
    let (url, key) = (&*program.url, last_word(&program.before[0]));
    let folder = tempfile::tempdir().unwrap();
    let [small, large] = [("small.svg", 6), ("large.png", 25_000)].map(|(name, bytes)| {
        let file = folder.path().join(name);
        std::fs::write(&file, "x".repeat(bytes)).unwrap();
        file.to_str().unwrap().to_owned()
    });
    data.secret(&format!("entity add orders --title Orders --icon {URL}")).await;
    let server = noticed(url, key, |server| server["title"] == "Orders").await;
    assert_eq!(server["icons"], json!([{"src": URL}]));
    assert_eq!(data.printed("entity list").await.lines().next().unwrap().split_whitespace().nth(2), Some("title"));
    let listed: Value = serde_json::from_str(&data.printed("entity list --json").await).unwrap();
    assert_eq!(listed[0]["title"], "Orders");

    let changed = data.printed(&format!("entity change orders --title Bestellungen --icon {small}")).await;
    assert_eq!(changed, "changed the entity orders\n");
    let server = noticed(url, key, |server| server["title"] == "Bestellungen").await;
    let icon = json!([{"src": "data:image/svg+xml;base64,eHh4eHh4", "mimeType": "image/svg+xml"}]);
    assert_eq!(server["icons"], icon, "what is in the file");
    data.printed("entity change orders --title=").await;
    let server = noticed(url, key, |server| server.get("title").is_none()).await;
    assert_eq!(server["icons"], icon, "what was not said stays");
    data.printed("entity change orders --icon=").await;
    noticed(url, key, |server| server.get("icons").is_none()).await;

    for (words, says) in [
        ("entity change orders", "say what changes: `--title TEXT`, or `--icon URL|FILE`"),
        ("entity change nobody --title x", "there is no entity `nobody`"),
        ("entity change orders --icon http://a.example/a.png", "begins with `https://`"),
        ("entity change orders --icon logo.gif", ".png, .jpg, .jpeg, .svg or .webp"),
        ("entity change orders --icon nothing.png", "cannot be read from nothing.png"),
        (&format!("entity add more --icon {large}"), "an image of 24,000 bytes"),
    ] {
        let refused = data.refused(words).await;
        assert!(refused.contains(says), "{refused}");
    }
}

#[tokio::test]
async fn the_bridge_passes_them_on() {
    let gateway = dev_gateway().await;
    add(&gateway, json!({"title": "Orders", "icon": DATA})).await;
    let mut command = command(&["mcp", "--url", &format!("{}/mcp/entities/orders", gateway.url())]);
    command.env("PLATOOLS_GATEWAY_KEY", dev::ADMIN_KEY).stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let client = within(().serve(streams)).await.unwrap();
    let server = client.peer_info().unwrap().server_info.clone().unwrap();
    let server = serde_json::to_value(server).unwrap();
    assert_eq!((&server["name"], &server["title"]), (&json!("orders"), &json!("Orders")));
    assert_eq!(server["icons"], json!([{"src": DATA, "mimeType": "image/png"}]));
    within(client.cancel()).await.unwrap();
    assert_eq!(within(child.wait()).await.unwrap().code(), Some(0));
}
