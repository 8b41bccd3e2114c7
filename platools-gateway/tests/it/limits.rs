//! What happens to those who ask for too much.

use std::num::NonZeroU32;

use platools_gateway::Gateway;
use platools_gateway::core::limits::Limits;
use serde_json::json;

use crate::support::{Dial, ended, gateway_with};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[tokio::test]
async fn workers_that_connect_too_often_are_told_to_try_again() {
    let few = limits(|limits| limits.handshakes_per_second = number(1));
    let (gateway, secret, _) = gateway_with(Gateway::builder().limits(few)).await;
    let dial = || Dial::to(&gateway, "/ws/sdk").secret(&secret);
    let mut first = dial().welcomed().await;
    let mut second = dial().welcomed().await;
    assert_eq!(first.closed().await.0, 1000, "superseded, as ever");
    let (code, error) = dial().open().await.refused().await;
    assert_eq!(code, 1013);
    assert!(error.contains("try again in"), "{error}");
    second.settle().await;
}

#[tokio::test]
async fn a_caller_that_calls_too_often_is_told_when_to_try_again() {
    let few = limits(|limits| limits.calls_per_second = number(1));
    let (_gateway, _, caller) = gateway_with(Gateway::builder().limits(few)).await;
    for _ in 0..2 {
        caller.call("nothing", json!({})).await.is_problem(404, "unknown_tool", false);
    }
    let refused = caller.call("nothing", json!({})).await;
    refused.is_problem(429, "rate_limited", true);
    assert_eq!((refused.retry_after.as_str(), &refused.body["retryAfter"]), ("1", &json!(1)));
    assert_eq!(caller.get("/v1/tools").await.status, 200, "looking is no call");
}

#[tokio::test]
async fn a_caller_with_too_many_calls_under_way_waits_for_one_to_end() {
    let few = limits(|limits| limits.calls_in_flight = number(1));
    let (gateway, secret, caller) = gateway_with(Gateway::builder().limits(few)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    caller.call("slow", json!({})).await.is_problem(429, "rate_limited", true);
    worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(call).await.status, 200);
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(2)).await;
    assert_eq!(ended(call).await.status, 200);
}
