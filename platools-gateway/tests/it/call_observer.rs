//! Tests of `CallObserver`, which is notified of calls.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use platools_gateway::Gateway;
use platools_gateway::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Dial, ended, gateway_with, within};

/// Notes tool, entity, outcome and trace of every call.
#[derive(Debug)]
struct Notes(mpsc::UnboundedSender<[String; 4]>);

impl CallObserver for Notes {
    fn call_ended(&self, call: &EndedCall<'_>) {
        let notes = [call.tool, &call.identity.entity, call.outcome, &call.trace.traceparent()];
        self.0.send(notes.map(str::to_owned)).unwrap();
    }
}

/// Keeps which calls are under way, and counts those that are over.
#[derive(Debug, Default)]
struct Count(Mutex<(HashSet<String>, usize)>);

impl CallObserver for Count {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.0.lock().unwrap().0.insert(call.call_id.to_string());
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        let mut count = self.0.lock().unwrap();
        count.1 += usize::from(count.0.remove(&call.call_id.to_string()));
    }
}

#[tokio::test]
async fn every_observer_is_told_of_every_call_that_began_and_ended() {
    let (sender, mut notes) = mpsc::unbounded_channel();
    let count = Arc::new(Count::default());
    let setup = Gateway::builder().observe_calls(Arc::new(Notes(sender))).observe_calls(Arc::clone(&count) as _);
    let (gateway, secret, caller) = gateway_with(setup).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["look_up"]).await;
    for outcome in ["ok", "tool_failed", "abandoned"] {
        let call = caller.calling("look_up", json!({}));
        let sent = worker.expect("tool_call").await;
        match outcome {
            "ok" => worker.answer(&sent, json!(null)).await,
            "abandoned" => call.abort(),
            _ => worker.send(json!({"type": "tool_error", "call_id": sent["call_id"], "error": ""})).await,
        }
        let noted = within(notes.recv()).await.unwrap();
        let traceparent = sent["params"]["_context"]["traceparent"].as_str().unwrap();
        assert_eq!(noted, ["look_up", "orders", outcome, traceparent]);
        if outcome != "abandoned" {
            ended(call).await;
        }
    }
    within(gateway.shutdown()).await;
    assert_eq!(*count.0.lock().unwrap(), (HashSet::new(), 3));
}

#[tokio::test]
async fn nobody_is_told_of_what_never_became_a_call() {
    let (sender, mut notes) = mpsc::unbounded_channel();
    let (gateway, _, caller) = gateway_with(Gateway::builder().observe_calls(Arc::new(Notes(sender)))).await;
    caller.call("nothing", json!({})).await.is_problem(404, "unknown_tool", false);
    within(gateway.shutdown()).await;
    assert!(notes.try_recv().is_err());
}
