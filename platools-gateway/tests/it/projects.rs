//! Tests that projects are isolated from each other.

use std::time::{Duration, Instant};

use platools_gateway::admin::{NewKey, NewToken};
use platools_gateway::domain::identity::Policy;
use platools_gateway::domain::project::ProjectName;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::program_process::{Data, Program};
use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended, within};

/// A project with an entity `orders` whose worker has the tool `lookup`, and an admin.
struct Tenant {
    name: ProjectName,
    secret: String,
    worker: Worker,
    admin: Caller,
}

impl Tenant {
    async fn of(gateway: &Gateway, name: &str) -> Self {
        let name: ProjectName = name.parse().unwrap();
        gateway.core().local_projects().add(&name).await.unwrap();
        let directory = gateway.core().local_projects().admin(&name).unwrap();
        let secret = directory.add_entity("orders", Policy::Supersede).await.unwrap().secret;
        let key = directory.add_key(NewKey::new(Role::Admin)).await.unwrap().secret;
        let secret = secret.expose_secret().to_owned();
        let mut worker = Dial::to(gateway, "/ws/sdk?entity=orders").secret(&secret).welcomed().await;
        worker.register(&["lookup"]).await;
        Self { name, secret, worker, admin: Caller::at(&gateway.url()).key(key.expose_secret()) }
    }

    /// Calls by somebody, and answers as the worker.
    async fn answered(&mut self, caller: &Caller, headers: &'static [(&'static str, &'static str)]) -> Answer {
        let calling = caller.clone();
        let call = tokio::spawn(async move { calling.send_with("/v1/tools/lookup/call", headers, json!({})).await });
        let frame = self.worker.expect("tool_call").await;
        self.worker.answer(&frame, json!(self.name.to_string())).await;
        ended(call).await
    }
}

async fn ids(caller: &Caller, path: &str, member: &str) -> Vec<String> {
    let page = caller.get(path).await.body;
    page["items"].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn two_projects_with_the_same_names_do_not_see_each_other() {
    let gateway = dev_gateway().await;
    let (mut shop, mut bank) = (Tenant::of(&gateway, "acme/shop").await, Tenant::of(&gateway, "acme/bank").await);
    for tenant in [&mut shop, &mut bank] {
        let admin = tenant.admin.clone();
        let project = admin.get("/v1/project").await.body;
        assert_eq!(
            format!("{}/{}", project["organization"], project["project"]).replace('"', ""),
            tenant.name.to_string()
        );
        assert_eq!(admin.tools().await, [("lookup".to_owned(), true)]);
        assert_eq!(ids(&admin, "/v1/workers", "entity").await, ["orders"]);
        assert_eq!(ids(&admin, "/v1/entities", "slug").await, ["orders"]);
        let environments = ids(&admin, "/v1/environments", "slug").await;
        assert_eq!(environments, ["development", "production", "staging"]);
        let answer = tenant.answered(&admin, &[]).await;
        assert_eq!(answer.body["result"], tenant.name.to_string());
        assert_eq!(ids(&admin, "/v1/calls", "callId").await, [answer.body["callId"].as_str().unwrap()]);
    }
    assert_eq!(Caller::admin(&gateway).tools().await, [], "nor does the project that every gateway has");
    let organization = |project: Value| project["organizationId"].clone();
    let organizations = [shop.admin.get("/v1/project").await.body, bank.admin.get("/v1/project").await.body];
    assert_eq!(organization(organizations[0].clone()), organization(organizations[1].clone()));
}

#[tokio::test]
async fn ids_of_one_project_lead_nowhere_in_another() {
    let gateway = dev_gateway().await;
    let (mut shop, bank) = (Tenant::of(&gateway, "acme/shop").await, Tenant::of(&gateway, "acme/bank").await);
    let tool = shop.admin.get("/v1/tools/lookup").await.body;
    let admin = shop.admin.clone();
    let past = shop.answered(&admin, &[]).await.body["callId"].as_str().unwrap().to_owned();
    let running = admin.calling("lookup", json!({}));
    let frame = shop.worker.expect("tool_call").await;
    let call = frame["call_id"].as_str().unwrap();

    bank.admin.call("lookup", json!({"entityId": tool["entityId"]})).await.is_problem(404, "unknown_tool", false);
    let elsewhere = json!({"environmentId": tool["environmentId"]});
    bank.admin.call("lookup", elsewhere).await.is_problem(400, "invalid_request", false);
    for (method, path) in [
        ("DELETE", format!("/v1/calls/{call}")),
        ("GET", format!("/v1/calls/{call}")),
        ("GET", format!("/v1/calls/{past}")),
        ("POST", format!("/v1/calls/{past}/replay")),
        ("DELETE", format!("/v1/entities/{}", tool["entityId"].as_str().unwrap())),
    ] {
        bank.admin.send(method, &path, "").await.is_problem(404, "not_found", false);
    }
    // A tool that is switched off there can be called here.
    let switched = bank.admin.send("PATCH", "/v1/tools/lookup", json!({"enabled": false}).to_string()).await;
    assert_eq!((switched.status, &switched.body["enabled"]), (200, &json!(false)));
    shop.worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(running).await.status, 200);
    assert_eq!(shop.answered(&admin, &[]).await.status, 200);
    bank.admin.call("lookup", json!({})).await.is_problem(403, "tool_disabled", false);
}

#[tokio::test]
async fn the_same_user_of_two_projects_may_name_calls_alike() {
    let gateway = dev_gateway().await;
    for name in ["acme/shop", "acme/bank"] {
        let mut tenant = Tenant::of(&gateway, name).await;
        let directory = gateway.core().local_projects().admin(&tenant.name).unwrap();
        let token =
            NewToken { user_id: Some("ada".to_owned()), ..NewToken::new(Role::Operator, Duration::from_secs(60)) };
        let token = directory.mint_token(token).await.unwrap().token;
        let user = Caller::at(&gateway.url()).key(token.expose_secret());
        let answer = tenant.answered(&user, &[("idempotency-key", "k")]).await;
        assert_eq!(answer.body["result"], name, "and not the answer to another's call");
    }
}

#[tokio::test]
async fn a_secret_says_which_project_a_worker_is_of() {
    let gateway = dev_gateway().await;
    let (mut shop, mut bank) = (Tenant::of(&gateway, "acme/shop").await, Tenant::of(&gateway, "acme/bank").await);
    let entity = shop.admin.get("/v1/tools/lookup").await.body["entityId"].as_str().unwrap().to_owned();
    let (code, _) =
        Dial::to(&gateway, &format!("/ws/sdk?entity={entity}")).secret(&bank.secret).open().await.refused().await;
    assert_eq!(code, 1008, "the id of another project's entity");
    let mut newer = Dial::to(&gateway, "/ws/sdk?entity=orders").secret(&bank.secret).welcomed().await;
    assert_eq!(bank.worker.closed().await.0, 1000, "it takes the place of its own predecessor");
    shop.worker.settle().await;
    newer.register(&["balance"]).await;
    assert_eq!(bank.admin.tools().await, [("balance".to_owned(), true)]);
    assert_eq!(shop.admin.tools().await, [("lookup".to_owned(), true)]);
}

#[tokio::test]
async fn a_removed_project_takes_everything_with_it() {
    let gateway = dev_gateway().await;
    let (mut shop, mut bank) = (Tenant::of(&gateway, "acme/shop").await, Tenant::of(&gateway, "acme/bank").await);
    let minted = shop.admin.post("/v1/tokens", json!({"role": "operator", "userId": "ada", "ttlSeconds": 600})).await;
    let user = Caller::at(&gateway.url()).key(minted.body["token"].as_str().unwrap());
    assert_eq!(user.get("/v1/tools").await.status, 200);
    let signed = shop.admin.post("/v1/entities/orders/tokens", json!({"ttlSeconds": 600})).await;
    let signed = signed.body["token"].as_str().unwrap();
    let mut staging = Dial::to(&gateway, "/ws/sdk?env=staging").secret(signed).welcomed().await;
    shop.admin.send("PATCH", "/v1/tools/lookup", json!({"enabled": false}).to_string()).await;

    within(gateway.core().local_projects().remove(&shop.name)).await.unwrap();
    assert_eq!(shop.worker.closed().await.0, 4001);
    assert_eq!(staging.closed().await.0, 4001, "also of who connected with a token");
    for dial in [Dial::to(&gateway, "/ws/sdk").secret(&shop.secret), Dial::to(&gateway, "/ws/sdk").secret(signed)] {
        assert_eq!(dial.open().await.refused().await.0, 1008);
    }
    for caller in [&shop.admin, &user] {
        caller.get("/v1/tools").await.is_problem(401, "unauthenticated", false);
    }
    bank.worker.settle().await;
    assert_eq!(bank.admin.tools().await, [("lookup".to_owned(), true)]);

    // Another of the same name begins with nothing.
    let mut again = Tenant::of(&gateway, "acme/shop").await;
    let admin = again.admin.clone();
    assert_eq!(ids(&admin, "/v1/calls", "callId").await, [""; 0]);
    assert_eq!(again.answered(&admin, &[]).await.status, 200, "no tool is switched off");
    let gateway = gateway.stop().await.start().await.unwrap();
    assert_eq!(admin.moved_to(&gateway.url()).tools().await, [("lookup".to_owned(), false)]);
}

/// Asks until the gateway has noticed what the command line changed; it looks twice a second.
async fn comes_to(caller: &Caller, status: u16) {
    let begun = Instant::now();
    while caller.get("/v1/project").await.status != status {
        assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not notice");
    }
}

async fn welcomed(program: &Program, secret: &str) -> Worker {
    program.dial(secret).header("x-platos-source", "orders").welcomed().await
}

#[tokio::test]
async fn the_command_line_administers_projects_beside_a_gateway_that_runs() {
    let (data, program) = Data::served().await;
    let id = data.secret("project add acme/shop").await;
    let secret = data.secret("entity add orders --project acme/shop").await;
    data.secret("entity add orders").await;
    let key = data.secret("key --project acme/shop add --role operator").await;
    let caller = Caller::at(&program.url).key(&key);
    comes_to(&caller, 200).await;
    assert_eq!(caller.get("/v1/project").await.body["projectId"], id);
    let mut worker = welcomed(&program, &secret).await;
    worker.register(&["lookup"]).await;
    assert_eq!(caller.tools().await, [("lookup".to_owned(), true)]);
    let token = data.secret("token mint --role viewer --ttl 1h --project acme/shop").await;
    assert_eq!(Caller::at(&program.url).key(&token).tools().await, [("lookup".to_owned(), true)]);

    let listed: Value = serde_json::from_str(&data.printed("project list --json").await).unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|row| (&row["organization"], &row["project"])).collect();
    assert_eq!(names, [(&json!("acme"), &json!("shop")), (&json!("default"), &json!("default"))]);
    assert_eq!((&listed[0]["projectId"], data.printed("project list").await.lines().count()), (&json!(id), 3));

    data.printed("project remove acme/shop").await;
    assert_eq!(worker.closed().await.0, 4001);
    comes_to(&caller, 401).await;
    assert_eq!(data.printed("entity list").await.lines().count(), 2, "the other project keeps what it has");
}

#[tokio::test]
async fn a_project_that_cannot_be_is_refused_with_the_reason() {
    let (data, _program) = Data::served().await;
    data.printed("project add acme/shop").await;
    for (words, error) in [
        ("project add acme/shop", "there is a project `acme/shop` already"),
        ("project add acme", "it is ORGANIZATION/PROJECT, such as acme/shop"),
        ("project add acme/sh/op", "\"sh/op\" is not a slug"),
        ("project remove default/default", "cannot be removed: every gateway has it"),
        ("project remove acme/bank", "there is no project `acme/bank`"),
        ("entity list --project acme/bank", "there is no project `acme/bank`"),
    ] {
        let refused = data.refused(words).await;
        assert!(refused.contains(error), "{words}: {refused}");
    }
}
