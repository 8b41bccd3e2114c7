//! Table of the permissions for routes of REST.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::Who::{self, Agent, AgentOrAdmin, Everyone, Gateway, Project, Role};
use super::{Kind, World};
use platools_gateway::Role::{Admin, Operator, Viewer};

/// A request, and the credentials that it accepts. It names no existing object or asks for the impossible, so that it changes nothing.
struct Row {
    method: &'static str,
    /// The path as the route has it.
    route: &'static str,
    /// The path as it is asked for; where it is empty, the route.
    path: &'static str,
    body: fn() -> Value,
    who: Who,
}

const fn row(method: &'static str, route: &'static str, path: &'static str, body: fn() -> Value, who: Who) -> Row {
    Row { method, route, path, body, who }
}

fn nothing() -> Value {
    Value::Null
}

fn completion() -> Value {
    json!({"model": "none", "messages": [{"role": "user", "content": "hi"}]})
}

const ROWS: &[Row] = &[
    row("GET", "/health", "", nothing, Everyone),
    row("GET", "/ready", "", nothing, Everyone),
    row("GET", "/openapi.json", "", nothing, Everyone),
    row("GET", "/", "", nothing, Everyone),
    row("GET", "/console", "", nothing, Everyone),
    row("GET", "/console/", "", nothing, Everyone),
    row("GET", "/console/{*path}", "/console/tools", nothing, Everyone),
    row("GET", "/console/session", "", nothing, Role(Viewer)),
    row("POST", "/console/session", "", || json!({}), Everyone),
    row("DELETE", "/console/session", "", nothing, Everyone),
    row("GET", "/metrics", "", nothing, Project(Viewer)),
    row("GET", "/v1/activity", "", nothing, Project(Viewer)),
    row("GET", "/v1/events", "", nothing, Role(Viewer)),
    row("GET", "/v1/cluster", "", nothing, Gateway),
    row("GET", "/v1/settings", "", nothing, Gateway),
    row("GET", "/v1/project", "", nothing, Role(Viewer)),
    row("GET", "/v1/workers", "", nothing, Project(Viewer)),
    row("POST", "/v1/workers/{connection}/drain", "/v1/workers/none/drain", nothing, Role(Admin)),
    row("DELETE", "/v1/workers/{connection}", "/v1/workers/none", nothing, Role(Admin)),
    row("GET", "/v1/tools", "", nothing, Role(Viewer)),
    row("GET", "/v1/tools/{name}", "/v1/tools/none", nothing, Role(Viewer)),
    row("GET", "/v1/tools/{name}/schema", "/v1/tools/none/schema", nothing, Role(Viewer)),
    row("PATCH", "/v1/tools/{name}", "/v1/tools/none", || json!({"enabled": true}), Role(Admin)),
    row("POST", "/v1/tools/{name}/call", "/v1/tools/none/call", || json!({"arguments": {}}), Role(Operator)),
    row("GET", "/v1/calls", "", nothing, Role(Viewer)),
    row("GET", "/v1/calls/{id}", "/v1/calls/call_none", nothing, Role(Viewer)),
    row("DELETE", "/v1/calls/{id}", "/v1/calls/call_none", nothing, Role(Operator)),
    row("POST", "/v1/calls/{id}/replay", "/v1/calls/call_none/replay", nothing, Role(Operator)),
    row("GET", "/v1/agents", "", nothing, Role(Admin)),
    row("POST", "/v1/agents", "", || json!({"slug": "-"}), Role(Admin)),
    row("GET", "/v1/agents/{agent}", "/v1/agents/none", nothing, Role(Admin)),
    row("PATCH", "/v1/agents/{agent}", "/v1/agents/none", || json!({"profile": {}}), Role(Admin)),
    row("DELETE", "/v1/agents/{agent}", "/v1/agents/none", nothing, Role(Admin)),
    row("POST", "/v1/agents/{agent}/events", "/v1/agents/none/events", || json!({"type": "x"}), Project(Operator)),
    row("GET", "/v1/entities", "", nothing, Role(Admin)),
    row("POST", "/v1/entities", "", || json!({"slug": "-"}), Role(Admin)),
    row("DELETE", "/v1/entities/{entity}", "/v1/entities/none", nothing, Role(Admin)),
    row("POST", "/v1/entities/{entity}/rotate", "/v1/entities/none/rotate", || json!({}), Role(Admin)),
    row("POST", "/v1/entities/{entity}/tokens", "/v1/entities/none/tokens", || json!({"ttlSeconds": 60}), Role(Admin)),
    row("GET", "/v1/environments", "", nothing, Role(Admin)),
    row("POST", "/v1/environments", "", || json!({"slug": "-"}), Role(Admin)),
    row("DELETE", "/v1/environments/{environment}", "/v1/environments/none", nothing, Role(Admin)),
    row("GET", "/v1/keys", "", nothing, Role(Admin)),
    row("POST", "/v1/keys", "", || json!({"role": "nobody"}), Role(Admin)),
    row("DELETE", "/v1/keys/{key}", "/v1/keys/key_none", nothing, Role(Admin)),
    row("POST", "/v1/tokens", "", || json!({"role": "nobody", "ttlSeconds": 60}), Role(Admin)),
    row("GET", "/v1/audit", "", nothing, Role(Admin)),
    row("GET", "/v1/tokens", "", nothing, Role(Admin)),
    row("DELETE", "/v1/tokens/{token}", "/v1/tokens/none", nothing, Role(Admin)),
    row("GET", "/v1/signing-keys", "", nothing, Gateway),
    row("POST", "/v1/signing-keys/rotate", "", || json!({"graceSeconds": 1_000_000_000}), Gateway),
    row("POST", "/v1/chat/completions", "", completion, Role(Operator)),
    row("GET", "/v1/models", "", nothing, Role(Viewer)),
    row("GET", "/v1/models/{model}", "/v1/models/none", nothing, Role(Viewer)),
    row("POST", "/v1/runtime/connect", "", || json!([]), Agent(Viewer)),
    row("POST", "/v1/runtime/disconnect", "", || json!({"sessionId": "sess_none"}), Agent(Viewer)),
    row("POST", "/v1/runtime/heartbeat", "", || json!({}), Agent(Viewer)),
    row("GET", "/v1/runtime/status", "", nothing, Agent(Viewer)),
    row("GET", "/v1/runtime/presence", "", nothing, AgentOrAdmin),
    row("POST", "/v1/ws/ticket", "", nothing, Agent(Viewer)),
    row("GET", "/v1/channels", "", nothing, AgentOrAdmin),
    row("POST", "/v1/channels", "", || json!({"slug": "-", "name": "x"}), Agent(Operator)),
    row("GET", "/v1/channels/{channel}", "/v1/channels/none", nothing, AgentOrAdmin),
    row("DELETE", "/v1/channels/{channel}", "/v1/channels/none", nothing, Role(Operator)),
    row("GET", "/v1/channels/{channel}/members", "/v1/channels/none/members", nothing, AgentOrAdmin),
    row("GET", "/v1/channels/{channel}/messages", "/v1/channels/none/messages", nothing, AgentOrAdmin),
    row("GET", "/v1/channels/{channel}/presence", "/v1/channels/none/presence", nothing, AgentOrAdmin),
    row("POST", "/v1/channels/{channel}/join", "/v1/channels/none/join", nothing, Agent(Operator)),
    row("POST", "/v1/channels/{channel}/leave", "/v1/channels/none/leave", nothing, Agent(Operator)),
    row(
        "POST",
        "/v1/channels/{channel}/messages",
        "/v1/channels/none/messages",
        || json!({"content": "x"}),
        Agent(Operator),
    ),
    row("POST", "/mcp", "", || json!({}), Role(Viewer)),
    row("POST", "/mcp/entities/{slug}", "/mcp/entities/orders", || json!({}), Role(Viewer)),
];

/// Routes that are tried in `sockets`, where an upgrade is asked for.
const SOCKETS: &[&str] = &["/ws", "/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk", "/ws/runtime"];

#[tokio::test]
async fn every_route_lets_through_the_credentials_of_its_row_and_no_others() {
    let world = World::new().await;
    for row in ROWS {
        let path = if row.path.is_empty() { row.route } else { row.path };
        for credential in &world.credentials {
            let body = (row.body)();
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let status = credential.caller(&world).status(row.method, path, body).await;
            let label = format!("{} {path} with {}", row.method, credential.label());
            if row.who.includes(credential) {
                assert!(![401, 403].contains(&status) && status < 500, "{label} is let through: {status}");
            } else {
                let expected = if credential.kind == Kind::Nothing { 401 } else { 403 };
                assert_eq!(status, expected, "{label} is refused");
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn every_route_has_a_row() {
    let world = World::new().await;
    let document = world.admin().await.get("/openapi.json").await.body;
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        described.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let rows: BTreeSet<_> = ROWS.iter().map(|row| (row.method.to_owned(), row.route.to_owned())).collect();
    let missing: Vec<_> = described.difference(&rows).collect();
    assert!(missing.is_empty(), "these routes need a row: {missing:?}");
    world.end().await;
}

/// The routes that the document does not describe are found in the sources, by the calls that add them.
#[test]
fn every_route_that_is_not_described_has_a_row() {
    let known = |route: &str| ROWS.iter().any(|row| row.route == route) || SOCKETS.contains(&route);
    let names = [
        ("PATH", &["/ws", "/mcp"][..]),
        ("path::SOCKET", &["/ws/runtime"]),
        ("path", &["/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk"]),
        ("&of_entity", &["/mcp/entities/{slug}"]),
    ];
    for argument in added_routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/listen")) {
        let literal = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let routes = match literal {
            Some(literal) => vec![literal],
            None => {
                names.iter().find(|(name, _)| *name == argument).map_or_else(Vec::new, |(_, routes)| routes.to_vec())
            }
        };
        assert!(!routes.is_empty(), "`.route({argument}, ..)` needs a row");
        for route in routes {
            assert!(known(route), "{route} needs a row");
        }
    }
}

/// The first argument of each `.route(` outside of tests.
fn added_routes(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(added_routes(&path));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for call in code.split(".route(").skip(1) {
            let end = call.find(',').unwrap();
            // Without an argument it reads a route and adds none.
            if !call.starts_with(')') {
                found.insert(call[..end].trim().to_owned());
            }
        }
    }
    found
}
