//! Tests of limits of calls, connections and bytes, and of the refusals beyond them.

use std::time::Duration;

use platools_gateway::domain::identity::Policy;
use platools_gateway::{CallSettings, Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::support::{Caller, Dial, ended, gateway_with, http, limits, number, within};

#[tokio::test]
async fn workers_that_connect_too_often_are_told_to_try_again() {
    let few = limits(|limits| limits.address.handshakes_per_second = number(1));
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
    let few = limits(|limits| limits.key.calls_per_second = number(1));
    let (_gateway, _, caller) = gateway_with(Gateway::builder().limits(few)).await;
    for _ in 0..2 {
        caller.call("nothing", json!({})).await.is_problem(404, "unknown_tool", false);
    }
    let refused = caller.call("nothing", json!({})).await;
    refused.is_problem(429, "rate_limited", true);
    assert_eq!((refused.retry_after.as_str(), &refused.body["retryAfter"]), ("1", &json!(1)));
    let named = caller.send_with("/v1/tools/nothing/call", &[("idempotency-key", "k")], json!({})).await;
    named.is_problem(429, "rate_limited", true);
    assert_eq!((named.retry_after.as_str(), &named.body["retryAfter"]), ("1", &json!(1)));
    assert_eq!(caller.get("/v1/tools").await.status, 200, "looking is no call");
}

#[tokio::test]
async fn a_caller_with_too_many_calls_under_way_waits_for_one_to_end() {
    let few = limits(|limits| limits.key.calls_in_flight = number(1));
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

#[tokio::test]
async fn an_entity_takes_so_many_calls_at_once_whoever_makes_them() {
    let few = limits(|limits| limits.entity.calls_in_flight = number(1));
    let (gateway, secret, caller) = gateway_with(Gateway::builder().limits(few)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let other = gateway.add_key(Role::Operator).await.unwrap();
    let other = Caller::at(&gateway.url()).key(other.expose_secret());
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    let refused = other.call("slow", json!({})).await;
    refused.is_problem(429, "rate_limited", true);
    assert!(refused.detail().contains("this entity's tools are under way"), "{}", refused.detail());
    worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn an_entity_takes_so_many_calls_in_a_second_whoever_makes_them() {
    let few = limits(|limits| limits.entity.calls_per_second = number(1));
    let mut at_once = CallSettings::default();
    at_once.wait_for_worker = Duration::ZERO;
    let (gateway, secret, caller) = gateway_with(Gateway::builder().limits(few).calls(at_once)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["away"]).await;
    worker.leave().await;
    for _ in 0..2 {
        caller.call("away", json!({})).await.is_problem(503, "worker_offline", true);
    }
    let refused = caller.call("away", json!({})).await;
    refused.is_problem(429, "rate_limited", true);
    assert!(refused.detail().contains("this entity's tools in a second"), "{}", refused.detail());
}

#[tokio::test]
async fn a_pool_takes_so_many_workers() {
    let few = limits(|limits| limits.entity.connections = number(2));
    let gateway = within(Gateway::builder().limits(few).start()).await.unwrap();
    let added = gateway.core().local_admin().add_entity("pool", Policy::Pool).await.unwrap();
    let dial = || Dial::to(&gateway, "/ws/sdk").secret(added.secret.expose_secret());
    let first = dial().welcomed().await;
    let mut second = dial().welcomed().await;
    let (code, error) = dial().open().await.refused().await;
    assert_eq!(code, 1013);
    assert!(error.starts_with("too many connections of this entity; try again in"), "{error}");
    first.leave().await;
    dial().welcomed().await;
    second.settle().await;
}

#[tokio::test]
async fn workers_of_one_entity_that_connect_too_often_are_told_to_try_again() {
    let few = limits(|limits| limits.entity.handshakes_per_second = number(1));
    let (gateway, secret, _) = gateway_with(Gateway::builder().limits(few)).await;
    let other = gateway.add_entity("other").await.unwrap();
    let dial = || Dial::to(&gateway, "/ws/sdk").secret(&secret);
    let _links = [dial().welcomed().await, dial().welcomed().await];
    assert_eq!(dial().open().await.refused().await.0, 1013);
    Dial::to(&gateway, "/ws/sdk").secret(other.expose_secret()).welcomed().await;
}

#[tokio::test]
async fn wrong_secrets_in_bulk_are_told_to_wait_and_good_ones_are_not() {
    let few = limits(|limits| limits.address.failures_per_minute = number(2));
    let (gateway, secret, caller) = gateway_with(Gateway::builder().limits(few)).await;
    let wrong = Caller::at(&gateway.url()).key("plt_key_wrong");
    let guess = || Dial::to(&gateway, "/ws/sdk").secret("plt_worker_wrong").open();
    wrong.get("/v1/tools").await.is_problem(401, "unauthenticated", false);
    assert_eq!(guess().await.refused().await, (1008, "unknown entity or secret".to_owned()));

    let refused = wrong.get("/v1/tools").await;
    refused.is_problem(429, "rate_limited", true);
    assert!(refused.retry_after.parse::<u64>().unwrap() <= 31, "{refused:?}");
    let (code, error) = guess().await.refused().await;
    assert_eq!(code, 1013);
    assert!(error.starts_with("too many failed attempts from this address; try again in"), "{error}");

    assert_eq!(caller.get("/v1/tools").await.status, 200);
    Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await.settle().await;
}

#[tokio::test]
async fn whoever_comes_by_way_of_a_trusted_proxy_counts_as_the_address_it_names() {
    let behind = |proxies: &[&str]| {
        limits(|limits| {
            limits.address.failures_per_minute = number(1);
            limits.address.connections = number(1);
            limits.trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
        })
    };
    let guess = async |gateway: &Gateway, client: &'static str| {
        let wrong = Caller::at(&gateway.url()).key("plt_key_wrong");
        wrong.send_with("/v1/tools/nothing/call", &[("x-forwarded-for", client)], json!({})).await.status
    };
    let (gateway, secret, _) = gateway_with(Gateway::builder().limits(behind(&["127.0.0.0/8"]))).await;
    let _link = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    assert_eq!(guess(&gateway, "198.51.100.7").await, 401);
    assert_eq!(guess(&gateway, "203.0.113.9, 198.51.100.7").await, 429, "what a client adds is not believed");
    assert_eq!(guess(&gateway, "198.51.100.8").await, 401, "another address has failures of its own");

    let (gateway, _, _) = gateway_with(Gateway::builder().limits(behind(&[]))).await;
    assert_eq!(guess(&gateway, "198.51.100.7").await, 401);
    assert_eq!(guess(&gateway, "198.51.100.8").await, 429, "nobody is believed");
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let few = limits(|limits| limits.address.connections = number(2));
    let (gateway, secret, _) = gateway_with(Gateway::builder().limits(few)).await;
    let dial = || Dial::to(&gateway, "/ws/sdk").secret(&secret);
    let connect = || TcpStream::connect(gateway.address());
    let link = dial().welcomed().await;
    let _idle = connect().await.unwrap();

    let refused = Caller::at(&gateway.url()).get("/health").await;
    refused.is_problem(429, "rate_limited", true);
    assert_eq!(refused.retry_after, "1");
    // Those that do not even ask are at most as many again; further ones are closed without a word.
    let more = [connect().await.unwrap(), connect().await.unwrap()];
    let mut last = connect().await.unwrap();
    assert_eq!(within(last.read(&mut [0])).await.unwrap_or(0), 0);

    drop(more);
    link.leave().await;
    let health = format!("{}/health", gateway.url());
    let http = http();
    let served = async || http.get(&health).send().await.is_ok_and(|answer| answer.status() == 200);
    within(async { while !served().await {} }).await;
}

#[tokio::test]
async fn a_body_has_so_many_bytes() {
    let few = limits(|limits| limits.key.body_bytes = number(100));
    let (_gateway, _, caller) = gateway_with(Gateway::builder().limits(few)).await;
    let call = |length: usize| caller.call("nothing", json!({"arguments": {"text": "x".repeat(length)}}));
    call(50).await.is_problem(404, "unknown_tool", false);
    let refused = call(100).await;
    refused.is_problem(413, "too_large", false);
    assert!(refused.detail().contains("100 bytes"), "{}", refused.detail());
}
