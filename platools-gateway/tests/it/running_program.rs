//! `Running`: a gateway as a process, with a worker and a caller that use it, for the tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::program_process::{Program, last_word};
use crate::support::{Answer, Caller, Worker};

/// A gateway's program, its data, and a key of its admin.
pub(crate) struct Running {
    folder: TempDir,
    pub(crate) program: Program,
    key: String,
}

impl Running {
    /// Starts the program; `command` makes it of its arguments.
    pub(crate) async fn start(command: fn(&[&str]) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Self::serve(&folder, command).await;
        let key = last_word(&program.before[0]).to_owned();
        Self { folder, program, key }
    }

    /// Ends the program with a signal, and starts it again.
    pub(crate) async fn restarted(self, signal: &str) -> Self {
        self.program.signal(signal).await;
        self.ended().await
    }

    /// Waits until the program has ended, and starts it again.
    pub(crate) async fn ended(self) -> Self {
        let Self { folder, program, key } = self;
        program.exit_code().await;
        let program = Self::serve(&folder, crate::program_process::command).await;
        Self { folder, program, key }
    }

    async fn serve(folder: &TempDir, command: fn(&[&str]) -> Command) -> Program {
        let data = folder.path().to_str().unwrap();
        let command = command(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
        // Beside the data, as on a machine with one disk.
        let log = std::fs::File::options().append(true).create(true).open(folder.path().join("log")).unwrap();
        Program::logging_to(log, command).await
    }

    pub(crate) fn admin(&self) -> Caller {
        Caller::at(&self.program.url).key(&self.key)
    }

    /// Adds an entity, and returns its secret.
    pub(crate) async fn entity(&self, slug: &str) -> String {
        secret(&self.admin().post("/v1/entities", json!({"slug": slug})).await)
    }

    /// A worker with these tools.
    pub(crate) async fn worker(&self, secret: &str, tools: &[&str]) -> Worker {
        let mut worker = self.program.dial(secret).welcomed().await;
        worker.register(tools).await;
        worker
    }

    /// Outcome of each call in the journal, by its id.
    pub(crate) async fn journal(&self) -> BTreeMap<String, String> {
        let (admin, mut calls, mut cursor) = (self.admin(), BTreeMap::new(), String::new());
        loop {
            let page = admin.get(&format!("/v1/calls?limit=1000{cursor}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            for call in page.body["items"].as_array().unwrap() {
                let text = |name: &str| call[name].as_str().unwrap().to_owned();
                assert_eq!(calls.insert(text("callId"), text("outcome")), None, "a call is there once");
            }
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return calls,
            }
        }
    }
}

/// The secret in an answer that made one.
pub(crate) fn secret(answer: &Answer) -> String {
    assert!((200..300).contains(&answer.status), "{answer:?}");
    answer.body["secret"].as_str().unwrap().to_owned()
}

/// Number of runs of each call, by its argument `n`.
pub(crate) type Runs = Arc<Mutex<HashMap<String, u32>>>;

/// Answers every call with its argument `n`, and counts. Ends with the socket.
pub(crate) fn serve(mut worker: Worker, runs: &Runs) -> JoinHandle<()> {
    let runs = Arc::clone(runs);
    tokio::spawn(async move {
        while let Some(text) = worker.next_text_if_any().await {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] != "tool_call" {
                continue;
            }
            let number = &frame["params"]["n"];
            *runs.lock().unwrap().entry(number.to_string()).or_default() += 1;
            let call_id = &frame["call_id"];
            let answer = json!({"type": "tool_result", "call_id": call_id, "result": number, "latency_ms": 1});
            if worker.try_send(&answer).await.is_err() {
                return;
            }
        }
    })
}

/// The body of a call with that argument.
pub(crate) fn numbered(number: &str) -> Value {
    json!({"arguments": {"n": number}})
}
