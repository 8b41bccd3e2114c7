//! Tests of a client and a local MCP server that exchange messages over a pipe in memory.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::serve::Server;
use crate::tool::{BindError, Handler as ToolHandler, HandlerFuture, Output, State, Tool};
use crate::{Context, ToolDefinition, ToolRegistry};

/// A tool that returns at once.
struct Quick;

impl Tool for Quick {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition::new("quick", "Be quick.", json!({ "type": "object" }))
    }

    fn bind(&self, _: &State) -> Result<Arc<dyn ToolHandler>, BindError> {
        Ok(Arc::new(Self))
    }
}

impl ToolHandler for Quick {
    fn call(self: Arc<Self>, _: Context, output: Output) -> HandlerFuture {
        Box::pin(async move { output.write("done") })
    }
}

/// A tool that says that it has begun and goes on until it is given up.
struct Hold;

impl Tool for Hold {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition::new("hold", "Hold on.", json!({ "type": "object" }))
    }

    fn bind(&self, _: &State) -> Result<Arc<dyn ToolHandler>, BindError> {
        Ok(Arc::new(Self))
    }
}

impl ToolHandler for Hold {
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
        Box::pin(async move {
            context.progress(1.0).send();
            context.cancelled().await;
            output.write("let go")
        })
    }
}

struct Client {
    read: Lines<BufReader<ReadHalf<DuplexStream>>>,
    write: WriteHalf<DuplexStream>,
    stop: Stop,
    served: JoinHandle<Result<(), Error>>,
}

impl Client {
    /// A client that said nothing yet.
    fn new(drain: Duration) -> Self {
        let registry = ToolRegistry::new()
            .with_tools(vec![Box::new(Hold) as Box<dyn Tool>, Box::new(Quick)])
            .expect("a valid tool");
        let host = Server::new(registry).into_host().expect("all tools");
        let (client, server) = duplex(1 << 16);
        let (input, output) = split(server);
        let stop = Stop::default();
        let served = tokio::spawn(converse(host, input, output, drain, stop.clone()));
        let (read, write) = split(client);
        Self { read: BufReader::new(read).lines(), write, stop, served }
    }

    /// A client with a call that runs.
    async fn holding(drain: Duration) -> Self {
        let mut client = Self::new(drain);
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "0" } });
        client.say(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello })).await;
        assert_eq!(client.hear().await["id"], 1);
        client.say(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        let call = json!({ "name": "hold", "_meta": { "progressToken": "p" } });
        client.say(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call })).await;
        assert_eq!(client.hear().await["method"], "notifications/progress");
        client
    }

    async fn say(&mut self, message: Value) {
        self.write.write_all(format!("{message}\n").as_bytes()).await.expect("the server reads");
    }

    async fn hear(&mut self) -> Value {
        let line = self.read.next_line().await.expect("text").expect("a message");
        serde_json::from_str(&line).expect("JSON")
    }
}

#[tokio::test(start_paused = true)]
async fn who_closes_the_input_has_the_answers_of_calls_that_run_within_the_limit() {
    let begun = Instant::now();
    let mut client = Client::holding(Duration::from_secs(20)).await;
    client.write.shutdown().await.expect("open");
    let answer = client.hear().await;
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!(2), &json!("let go")));
    assert_eq!(begun.elapsed().as_secs(), 20, "the call went on until it was given up");
    assert!(client.read.next_line().await.expect("text").is_none());
    client.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_before_the_end_of_the_input_is_run_and_answered() {
    const CALLS: u64 = 50;
    for _ in 0..20 {
        let mut client = Client::new(Duration::from_secs(20));
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "0" } });
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello });
        let mut said = format!("{hello}\n{}\n", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        for id in 1..=CALLS {
            let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "quick" } });
            said.push_str(&format!("{call}\n"));
        }
        client.write.write_all(said.as_bytes()).await.expect("the server reads");
        client.write.shutdown().await.expect("open");
        let mut answered = 0;
        while let Some(line) = client.read.next_line().await.expect("text") {
            let answer: Value = serde_json::from_str(&line).expect("JSON");
            if answer["id"].as_u64().is_some_and(|id| id > 0) {
                assert_eq!(answer["result"]["content"][0]["text"], "done", "{answer}");
                answered += 1;
            }
        }
        assert_eq!(answered, CALLS);
        client.served.await.expect("no panic").expect("a clean end");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_reads_no_further_and_a_hurry_gives_calls_up() {
    let begun = Instant::now();
    let mut client = Client::holding(Duration::from_secs(20)).await;
    client.stop.told.cancel();
    tokio::task::yield_now().await;
    client.say(json!({ "jsonrpc": "2.0", "id": 3, "method": "ping" })).await;
    client.stop.hurry.cancel();
    assert_eq!(client.hear().await["id"], 2);
    assert!(client.read.next_line().await.expect("text").is_none(), "the ping was not read");
    client.served.await.expect("no panic").expect("a clean end");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_signal_after_the_end_of_the_input_does_not_wait_either() {
    let begun = Instant::now();
    let mut client = Client::holding(Duration::from_secs(20)).await;
    client.write.shutdown().await.expect("open");
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.stop.told.cancel();
    assert_eq!(client.hear().await["id"], 2);
    client.served.await.expect("no panic").expect("a clean end");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_client_may_go_without_a_word() {
    let mut client = Client::new(Duration::from_secs(20));
    client.write.shutdown().await.expect("open");
    client.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_begin_as_asked_is_told_so_and_not_quoted() {
    let mut client = Client::new(Duration::from_secs(20));
    client.say(json!({ "jsonrpc": "2.0", "method": "notifications/hunter2" })).await;
    let error = client.served.await.expect("no panic").expect_err("it is no greeting");
    assert_eq!(error.kind(), ErrorKind::Serve);
    assert!(!format!("{error:?}").contains("hunter2"));
}
