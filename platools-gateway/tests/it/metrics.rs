//! Tests of the route `/metrics`.

use std::collections::BTreeMap;

use platools_gateway::admin::NewKey;
use platools_gateway::journal::JournalSettings;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{Caller, Dial, dev_gateway, ended, gateway_with, limits, number};

/// The samples by their names and labels, as Prometheus reads them.
pub(crate) async fn scrape(caller: &Caller) -> BTreeMap<String, f64> {
    let (kind, text) = caller.text("/metrics").await;
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn calls_are_counted_by_tool_and_outcome() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder()).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["lookup", "never called"]).await;
    for number in 0..3 {
        let call = caller.calling("lookup", json!({}));
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, json!(number)).await;
        assert_eq!(ended(call).await.status, 200);
    }
    let call = caller.calling("lookup", json!({}));
    let frame = worker.expect("tool_call").await;
    let failed = json!({"type": "tool_error", "call_id": frame["call_id"], "error": "no such order"});
    let waiting = scrape(&caller).await;
    worker.send(failed).await;
    assert_eq!(ended(call).await.status, 422);
    caller.call("nothing", json!({})).await.is_problem(404, "unknown_tool", false);

    let scope = r#"entity="orders",environment="development""#;
    assert_eq!(waiting[&format!("platools_calls_in_flight{{{scope}}}")], 1.0);
    let figures = scrape(&caller).await;
    let tool = format!(r#"{scope},tool="lookup""#);
    for (name, value) in [
        (format!(r#"platools_calls_total{{{tool},outcome="ok"}}"#), 3.0),
        (format!(r#"platools_calls_total{{{tool},outcome="tool_failed"}}"#), 1.0),
        (format!("platools_call_duration_seconds_count{{{tool}}}"), 4.0),
        (format!(r#"platools_call_duration_seconds_bucket{{le="+Inf",{tool}}}"#), 4.0),
        (format!("platools_workers{{{scope}}}"), 1.0),
        (format!("platools_calls_in_flight{{{scope}}}"), 0.0),
        (format!("platools_calls_queued{{{scope}}}"), 0.0),
        ("platools_journal_lost_total{}".to_owned(), 0.0),
        ("platools_journal_payloads_dropped_total{}".to_owned(), 0.0),
        (format!(r#"platools_build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert_eq!(figures.get(&name), Some(&value), "{name}: {figures:#?}");
    }
    assert!(figures[&format!("platools_call_duration_seconds_sum{{{tool}}}")] > 0.0);
    // The worker's, and the caller's that is kept alive.
    assert!(figures["platools_connections{}"] >= 2.0, "{figures:#?}");
    assert!(!figures.keys().any(|name| name.contains("never called") || name.contains("nothing")), "{figures:#?}");
}

#[tokio::test]
async fn what_limits_refuse_is_counted() {
    let few = limits(|limits| limits.key.calls_in_flight = number(1));
    let setup = Gateway::builder().limits(few).journal(JournalSettings::default());
    let (gateway, secret, caller) = gateway_with(setup).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    caller.call("slow", json!({})).await.is_problem(429, "rate_limited", true);
    worker.answer(&frame, json!(1)).await;
    ended(call).await;
    let figures = scrape(&caller).await;
    assert_eq!(figures[r#"platools_refused_total{limit="key.calls_in_flight"}"#], 1.0);
    assert_eq!(figures[r#"platools_refused_total{limit="address.connections"}"#], 0.0);
}

#[tokio::test]
async fn the_journal_says_how_far_it_is() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder()).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["lookup"]).await;
    let call = caller.calling("lookup", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(1)).await;
    ended(call).await;
    // A list waits for what came before it.
    assert_eq!(caller.get("/v1/calls").await.body["items"].as_array().unwrap().len(), 1);
    let figures = scrape(&caller).await;
    assert_eq!(figures["platools_journal_written_total{}"], 1.0);
    assert_eq!((figures["platools_journal_queued{}"], figures["platools_journal_lag_seconds{}"]), (0.0, 0.0));
}

#[tokio::test]
async fn figures_are_for_those_who_may_look() {
    let gateway = dev_gateway().await;
    Caller::at(&gateway.url()).get("/metrics").await.is_problem(401, "unauthenticated", false);
    let viewer = gateway.add_key(Role::Viewer).await.unwrap();
    scrape(&Caller::at(&gateway.url()).key(viewer.expose_secret())).await;
}

#[tokio::test]
async fn figures_of_the_whole_gateway_are_for_its_default_project_only() {
    let gateway = dev_gateway().await;
    let other = "acme/shop".parse().unwrap();
    gateway.core().local_projects().add(&other).await.unwrap();
    let project = gateway.core().local_projects().admin(&other).unwrap();
    let shop = project.add_key(NewKey::new(Role::Admin)).await.unwrap().secret;
    let own = gateway.add_key(Role::Viewer).await.unwrap();
    let of_all = |name: &&String| {
        let names = ["connections", "callers", "watched_agents", "refused", "journal"];
        names.iter().any(|of_all| name.starts_with(&format!("platools_{of_all}")))
    };
    let shown = scrape(&Caller::at(&gateway.url()).key(own.expose_secret())).await;
    assert!(shown.keys().filter(of_all).count() >= 5, "{shown:#?}");
    let shown = scrape(&Caller::at(&gateway.url()).key(shop.expose_secret())).await;
    assert_eq!(shown.keys().filter(of_all).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(shown["platools_sessions{}"], 0.0, "those of the project are there");
}
