//! Tests that the log has no secrets, arguments or results, with any filter.

use serde_json::{Value, json};

use crate::dashboard::Dashboard;
use crate::mcp_raw_client::Client;
use crate::program_process::{Program, command};
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::Agent;
use crate::support::{Caller, Dial, Worker, ended, within};

/// A user's token and whatever else is said.
const HIDDEN: &str = "h1dden";

/// Everything of every library, also of those that the program must keep quiet, and of their modules by name.
const EVERYTHING: &str = "trace,rmcp=trace,rmcp::service=trace,rmcp::transport::streamable_http_server::tower=trace,\
    sse_stream=trace,sse_stream::stream=trace,tungstenite=trace,tungstenite::protocol=trace,\
    tungstenite::protocol::frame=trace,tokio_tungstenite=trace,hyper=trace,hyper::proto::h1=trace,hyper_util=trace,\
    h2=trace,rustls=trace,reqwest=trace,reqwest::connect=trace,axum=trace,tower_http=trace,sqlx=trace,sqlx::query=trace";

async fn called(call: tokio::task::JoinHandle<crate::support::Answer>, worker: &mut Worker) {
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(HIDDEN)).await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn a_log_of_everything_has_no_secret_of_any_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = command(&["dev", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", folder.path()).env("RUST_LOG", EVERYTHING);
    let program = Program::logging_to(std::fs::File::create(&log).unwrap(), command).await;
    let socket = |path: &str| Dial::at(&program.url.replace("http://", "ws://"), path);

    // A worker, with a wrong secret first.
    assert_eq!(program.dial("h1dden-wrong-secret").open().await.refused().await.0, 1008);
    let mut worker = program.dial("platools-dev-secret").welcomed().await;
    worker.register(&["echo"]).await;

    // REST, with a wrong key, an admin's key and a token of a user.
    let wrong = Caller::at(&program.url).key("h1dden-wrong-key").get("/v1/tools").await;
    assert_eq!(wrong.status, 401);
    let admin = Caller::at(&program.url).key("platools-dev-admin");
    let mint = json!({"role": "admin", "ttlSeconds": 60});
    let token = admin.post("/v1/tokens", mint).await.body["token"].as_str().unwrap().to_owned();
    let user = Caller::at(&program.url).key(&token);
    called(user.calling("echo", json!({"arguments": {"userToken": HIDDEN}})), &mut worker).await;

    // OpenAI's interface.
    let asked = json!({"model": "main", "messages": [{"role": "user", "content": "/echo text=h1dden"}]});
    let caller = admin.clone();
    let chat = tokio::spawn(async move { caller.post("/v1/chat/completions", asked).await });
    called(chat, &mut worker).await;

    // Gateway RPC, and its live feed with a token in the URL.
    let connect = json!({"token": "platools-dev-admin", "user_id": "u"});
    let mut rpc = RpcCaller::known(socket("/ws"), connect).await;
    rpc.ok("chat.send", json!({"agentId": "main", "message": HIDDEN})).await;
    let mut dashboard = Dashboard::open(socket(&format!("/ws?token={token}&agentId=main"))).await;
    dashboard.expect("connected").await;
    assert_eq!(Dashboard::refused(socket(&format!("/ws?token={token}x&agentId=main"))).await, 401);

    // The Model Context Protocol.
    let mcp = Client::at(&program.url, "/mcp").key("platools-dev-admin").opened().await;
    let call = mcp.calling("echo", json!({"userToken": HIDDEN}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(HIDDEN)).await;
    assert_eq!(within(call).await.unwrap()["result"]["isError"], false);
    mcp.post_text(HIDDEN).await;

    // An agent with a session.
    let agent = Agent::known(&program.url, "dev-agent", "platools-dev-agent");
    agent.post("/v1/runtime/connect", json!({"metadata": {"userToken": HIDDEN}})).await;
    let (used, unused) = (agent.ticket().await, agent.ticket().await);
    let mut session = agent.open_with(agent.dial_with(&used)).await;
    session.send(json!({"type": "custom", "data": HIDDEN})).await;
    session.event("custom").await;
    agent.refused("GET", &format!("/ws/runtime?ticket={unused}"), Value::Null).await;

    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    for kind in
        ["DEBUG", "sqlx::query", "worker connected", "caller connected", "dashboard connected", "agent socket opened"]
    {
        assert!(logged.contains(kind), "{kind}: {logged}");
    }
    let secrets =
        ["platools-dev-secret", "platools-dev-admin", "platools-dev-agent", HIDDEN, mcp.session(), &used, &unused];
    for hidden in secrets.into_iter().chain(token.split('.')) {
        assert_eq!(logged.lines().find(|line| line.contains(hidden)), None, "{hidden}");
    }
}
