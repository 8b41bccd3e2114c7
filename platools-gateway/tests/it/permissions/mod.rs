//! Tests of permissions: each kind of credential at every route, RPC method, MCP method and socket.
//!
//! [`World`] is a gateway with two projects and one credential of each kind. Each module, such as `rest`, has a table of the permissions; a
//! route or a method without a row fails a test.

mod mcp;
mod objects;
mod rest;
mod rpc;
mod sockets;

use platools_gateway::admin::{Admin, NewAgent};
use platools_gateway::domain::identity::Policy;
use platools_gateway::limits::Limits;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Caller, Dial, Worker, within};

/// The user that users' tokens are for; it owns no agent.
const USER: &str = "u-1";

/// The agent that agents' credentials belong to. Its owner is `u-owner`.
const AGENT: &str = "scout";

/// The kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Key,
    AgentsKey,
    UsersToken,
    AgentsToken,
}

/// A credential of the default project, or none at all.
#[derive(Debug, Clone)]
struct Credential {
    kind: Kind,
    /// The role; a caller without a credential has a viewer's where one is admitted.
    role: Role,
    secret: String,
}

impl Credential {
    fn label(&self) -> String {
        format!("{:?} of {}", self.kind, self.role)
    }

    fn belongs_to_agent(&self) -> bool {
        matches!(self.kind, Kind::AgentsKey | Kind::AgentsToken)
    }

    /// True for a credential of one user or agent, which is not the project's.
    fn is_bound(&self) -> bool {
        self.role < Role::Admin && (self.belongs_to_agent() || self.kind == Kind::UsersToken)
    }

    /// A caller over HTTP.
    fn caller(&self, world: &World) -> Caller {
        let caller = Caller::at(&world.gateway.url());
        if self.kind == Kind::Nothing { caller } else { caller.key(&self.secret) }
    }
}

/// Credentials that a route accepts.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// Everybody, also without a credential.
    Everyone,
    /// Credentials of a role or a higher one.
    Role(Role),
    /// Credentials of the project with this role, and admins.
    Project(Role),
    /// Credentials of an agent with this role.
    Agent(Role),
    /// Credentials of an agent, and admins.
    AgentOrAdmin,
    /// Admins that may change what concerns all projects: those of no agent.
    Gateway,
}

impl Who {
    fn includes(self, credential: &Credential) -> bool {
        let is_known = credential.kind != Kind::Nothing;
        match self {
            Self::Everyone => true,
            Self::Role(role) => is_known && credential.role >= role,
            Self::Project(role) => is_known && credential.role >= role && !credential.is_bound(),
            Self::Gateway => is_known && credential.role == Role::Admin && !credential.belongs_to_agent(),
            Self::Agent(role) => credential.role >= role && credential.belongs_to_agent(),
            Self::AgentOrAdmin => is_known && (credential.belongs_to_agent() || credential.role == Role::Admin),
        }
    }
}

/// A gateway with the default project and another one, each with an entity, an agent and a worker that answers every call.
struct World {
    gateway: Gateway,
    credentials: Vec<Credential>,
    /// The ids of calls with `{"wait": true}`, which stay under way.
    waiting: mpsc::UnboundedReceiver<String>,
}

impl World {
    async fn new() -> Self {
        let mut limits = Limits::default();
        // The tables are long, and full of refusals.
        limits.address.failures_per_minute = 100_000.try_into().unwrap();
        let gateway = within(Gateway::builder().limits(limits).start()).await.unwrap();
        let other = "acme/shop".parse().unwrap();
        gateway.core().local_projects().add(&other).await.unwrap();
        let (taken, waiting) = mpsc::unbounded_channel();
        furnish(&gateway, &gateway.core().local_admin(), taken.clone()).await;
        furnish(&gateway, &gateway.core().local_projects().admin(&other).unwrap(), taken).await;
        let mut world = Self { gateway, credentials: Vec::new(), waiting };
        world.credentials = world.issue().await;
        world
    }

    /// Makes a credential of each kind and role, and one request without any.
    async fn issue(&self) -> Vec<Credential> {
        let admin = self.admin().await;
        let mut credentials = vec![Credential { kind: Kind::Nothing, role: Role::Viewer, secret: String::new() }];
        for role in [Role::Viewer, Role::Operator, Role::Admin] {
            for (kind, path, binding) in [
                (Kind::Key, "/v1/keys", json!({})),
                (Kind::AgentsKey, "/v1/keys", json!({"agentId": AGENT})),
                (Kind::UsersToken, "/v1/tokens", json!({"userId": USER, "ttlSeconds": 3600})),
                (Kind::AgentsToken, "/v1/tokens", json!({"agentId": AGENT, "ttlSeconds": 3600})),
            ] {
                let mut body = binding;
                body["role"] = role.as_str().into();
                let issued = admin.post(path, body).await;
                assert_eq!(issued.status, 201, "{issued:?}");
                let secret = issued.body.get("secret").unwrap_or(&issued.body["token"]);
                credentials.push(Credential { kind, role, secret: secret.as_str().unwrap().to_owned() });
            }
        }
        credentials
    }

    /// A caller with an admin's key of its own.
    async fn admin(&self) -> Caller {
        let key = self.gateway.add_key(Role::Admin).await.unwrap();
        Caller::at(&self.gateway.url()).key(key.expose_secret())
    }

    fn find(&self, kind: Kind, role: Role) -> &Credential {
        self.credentials.iter().find(|known| known.kind == kind && known.role == role).expect("one of each kind")
    }

    async fn end(self) {
        within(self.gateway.shutdown()).await;
    }
}

/// Gives a project an agent and an entity with a worker, and answers the worker's calls.
async fn furnish(gateway: &Gateway, project: &Admin<'_>, waiting: mpsc::UnboundedSender<String>) {
    let agent = NewAgent { owner: Some("u-owner".to_owned()), ..NewAgent::default() };
    project.add_agent(AGENT, agent).await.unwrap();
    let entity = project.add_entity("orders", Policy::Supersede).await.unwrap();
    let mut worker = Dial::to(gateway, "/ws/sdk").secret(entity.secret.expose_secret()).welcomed().await;
    worker.send(json!({"type": "tool_register", "tools": tools()})).await;
    worker.expect("tools_registered").await;
    // Ends with its socket, when the gateway stops.
    tokio::spawn(answer_all(worker, waiting));
}

/// Tools that ask different things of their callers.
fn tools() -> Vec<Value> {
    let declare = |name: &str, auth: &str, roles: &[&str]| {
        let mut tool = crate::support::tool(name);
        tool["auth"] = auth.into();
        tool["roles"] = roles.into();
        tool
    };
    vec![
        declare("open", "none", &[]),
        declare("for_users", "user", &[]),
        declare("for_admins", "admin", &[]),
        declare("for_support", "none", &["support"]),
    ]
}

/// Answers every call, apart from those with `{"wait": true}`.
async fn answer_all(mut worker: Worker, waiting: mpsc::UnboundedSender<String>) {
    while let Some(text) = worker.next_text_if_any().await {
        let call: Value = serde_json::from_str(&text).unwrap();
        if call["type"] != "tool_call" {
            continue;
        }
        if call["params"]["wait"] == true {
            let _ = waiting.send(call["call_id"].as_str().unwrap().to_owned());
        } else {
            worker.answer(&call, json!({"noted": call["params"]["note"]})).await;
        }
    }
}
