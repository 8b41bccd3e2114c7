//! Tests of a local MCP server over standard input and output, with single lines that a test writes and reads itself.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{ExitStatus, Stdio};

use platools_tests::within;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::client::program;

struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// The program, with a client that was greeted.
    async fn greeted() -> Self {
        let mut process = Self::start();
        let client = json!({ "name": "t", "version": "0" });
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        process.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }).to_string()).await;
        assert_eq!(process.hear().await["result"]["protocolVersion"], "2025-11-25");
        process.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string()).await;
        process
    }

    fn start() -> Self {
        let mut command = program(&["stdio"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output).lines() }
    }

    async fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("open");
        within(input.write_all(format!("{line}\n").as_bytes())).await.expect("it reads");
    }

    async fn call(&mut self, id: u32, tool: &str, arguments: Value) {
        let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": id } });
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string()).await;
    }

    /// The next message; that a line is anything else fails.
    async fn hear(&mut self) -> Value {
        let line = within(self.output.next_line()).await.expect("text").expect("a message");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    /// A call that has begun.
    async fn hold(&mut self) {
        self.call(7, "hold", json!({})).await;
        assert_eq!(self.hear().await["method"], "notifications/progress");
    }

    #[cfg(unix)]
    async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = tokio::process::Command::new("kill").args(["-s", name, &id]).status();
        assert!(within(sent).await.expect("there is kill").success());
    }

    /// Everything else it writes, and how it ends.
    async fn end(mut self) -> (Vec<Value>, ExitStatus, String) {
        let mut messages = Vec::new();
        while let Some(line) = within(self.output.next_line()).await.expect("text") {
            messages.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        let status = within(self.child.wait()).await.expect("it ends");
        let mut said = String::new();
        within(self.child.stderr.take().expect("piped").read_to_string(&mut said)).await.expect("text");
        (messages, status, said)
    }
}

#[tokio::test]
async fn what_was_asked_before_the_end_of_the_input_is_answered() {
    let mut process = Process::greeted().await;
    process.call(2, "linger", json!({ "milliseconds": 200 })).await;
    process.call(3, "greet", json!({ "name": "Ada" })).await;
    drop(process.input.take());
    let (messages, status, _) = process.end().await;
    assert!(status.success());
    let answers = messages.iter().filter(|message| message.get("result").is_some());
    let answered: BTreeSet<_> = answers.map(|answer| answer["id"].as_u64().expect("a number")).collect();
    assert_eq!(answered, BTreeSet::from([2, 3]));
}

#[tokio::test]
async fn progress_grows_and_the_last_report_comes_before_the_answer() {
    let mut process = Process::greeted().await;
    process.call(2, "count", json!({ "to": 100 })).await;
    let mut last = 0.0;
    loop {
        let message = process.hear().await;
        if message["id"] == 2 {
            break assert_eq!((&message["result"]["content"][0]["text"], last), (&json!("100"), 100.0));
        }
        assert_eq!(message["params"]["progressToken"], 2);
        let done = message["params"]["progress"].as_f64().expect("a number");
        assert!(done > last, "{done} after {last}");
        last = done;
    }
}

#[tokio::test]
async fn a_client_that_sets_a_level_is_told_how_its_calls_end() {
    let mut process = Process::greeted().await;
    process.call(2, "fail", json!({})).await;
    assert_eq!(process.hear().await["id"], 2, "nobody asked for a log");
    for (level, tools) in [("warning", &["fail"][..]), ("debug", &["fail", "add"])] {
        let set = json!({ "jsonrpc": "2.0", "id": 3, "method": "logging/setLevel", "params": { "level": level } });
        process.say(&set.to_string()).await;
        assert_eq!(process.hear().await["result"], json!({}));
        for tool in ["fail", "add"] {
            process.call(4, tool, json!({ "a": 1, "b": 2 })).await;
            let mut message = process.hear().await;
            if tools.contains(&tool) {
                let entry = &message["params"];
                assert_eq!(
                    (&message["method"], &entry["data"]["tool"]),
                    (&json!("notifications/message"), &json!(tool))
                );
                assert!(!message.to_string().contains("no stock"), "{message}");
                message = process.hear().await;
            }
            assert_eq!(message["id"], 4, "{level} {tool}");
        }
    }
}

#[tokio::test]
async fn a_client_that_sets_a_level_is_told_what_a_tool_says_before_its_answer() {
    let mut process = Process::greeted().await;
    process.call(2, "tell", json!({})).await;
    assert_eq!(process.hear().await["id"], 2, "nobody asked for a log");
    let set = json!({ "jsonrpc": "2.0", "id": 3, "method": "logging/setLevel", "params": { "level": "info" } });
    process.say(&set.to_string()).await;
    assert_eq!(process.hear().await["result"], json!({}));
    process.call(4, "tell", json!({})).await;
    for (level, message) in [("info", "begun"), ("warning", "ended")] {
        let entry = process.hear().await;
        assert_eq!(entry["params"], json!({ "level": level, "logger": "tell", "data": message }));
    }
    assert_eq!(process.hear().await["id"], 4);
}

#[tokio::test]
async fn a_client_that_is_gone_ends_its_calls_and_the_process() {
    let mut process = Process::greeted().await;
    process.hold().await;
    drop(process.input.take());
    let (messages, status, said) = process.end().await;
    assert!(status.success() && said.contains("let go"), "{said}");
    assert_eq!((messages.len(), &messages[0]["id"]), (1, &json!(7)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_process_whatever_the_input_does_and_a_second_one_its_calls() {
    for name in ["TERM", "INT"] {
        let process = Process::greeted().await;
        process.signal(name).await;
        let (messages, status, _) = process.end().await;
        assert!(status.success() && messages.is_empty(), "{name}: {messages:?}");

        let mut process = Process::greeted().await;
        process.call(2, "linger", json!({ "milliseconds": 200 })).await;
        assert_eq!(process.hear().await["method"], "notifications/progress");
        process.signal(name).await;
        let (messages, status, _) = process.end().await;
        assert!(status.success() && messages[0]["id"] == 2, "{name}: {messages:?}");

        let mut process = Process::greeted().await;
        process.hold().await;
        process.signal(name).await;
        process.signal(name).await;
        let (_, status, said) = process.end().await;
        assert!(status.success() && said.contains("let go"), "{name}: {said}");
    }
}

#[tokio::test]
async fn garbage_is_passed_over_or_answered_and_nothing_else_is_written() {
    let mut process = Process::greeted().await;
    process.say("").await;
    process.say("hello?").await;
    process.say("{\"jsonrpc\":").await;
    process.say(&"[".repeat(10_000)).await;
    process.input.as_mut().expect("open").write_all(b"\xff\xfe\x00\n").await.expect("it reads");
    process.say("[]").await;
    process.say("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":7}").await;
    process.say("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"nope\"}").await;
    process.say("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":7}}").await;
    process.say("{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}").await;
    process.say("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}").await;
    // Requests are answered in any order.
    let (mut errors, mut answered) = (0, BTreeMap::new());
    while ![4, 5, 6, 9].iter().all(|id| answered.contains_key(id)) {
        let message = process.hear().await;
        match message["id"].as_u64() {
            Some(id) => drop(answered.insert(id, message["error"]["code"].as_i64())),
            None => errors += 1,
        }
    }
    assert_eq!((answered[&4], answered[&6], answered[&9]), (Some(-32601), Some(-32602), None));
    assert!(answered[&5].is_some() && errors > 0, "{answered:?}, {errors}");
}

#[tokio::test]
async fn arguments_that_were_encoded_a_second_time_are_taken_and_other_values_are_answered() {
    let mut process = Process::greeted().await;
    process.call(2, "greet", json!(json!({ "name": "Ada" }).to_string())).await;
    let answer = process.hear().await;
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(2), &json!(false)), "{answer}");
    assert!(answer.to_string().contains("Ada"), "{answer}");
    for (id, arguments) in [(3, json!("Ada")), (4, json!(["Ada"])), (5, json!("[]"))] {
        process.call(id, "greet", arguments).await;
        let answer = process.hear().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32602)), "{answer}");
        assert!(answer["error"]["message"].as_str().expect("words").contains("must be a JSON object"), "{answer}");
    }
    // A text that JavaScript cut within a character.
    let params = r#"{"name":"greet","arguments":{"name":"A\ud83c"}}"#;
    process.say(&format!(r#"{{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{params}}}"#)).await;
    let answer = process.hear().await;
    assert!(answer["id"] == 6 && answer.to_string().contains("A\u{fffd}"), "{answer}");
}
