//! Tests of tools: calls from forms, their reports and their results, and workers that come and go.

use std::sync::Arc;

use platools::{Context, ToolRegistry, tool, tools};
use platools_gateway::dev;
use platools_tests::{Caller, Worker, client, within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::page::Console;

/// A line of an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Line {
    /// The number of the article.
    sku: String,
    /// How many.
    #[serde(default = "one")]
    quantity: u32,
}

fn one() -> u32 {
    1
}

/// An urgency.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Urgency {
    Normal,
    Express,
}

/// Places an order.
#[tool]
async fn place_order(
    customer: String,
    units: u32,
    urgency: Urgency,
    note: Option<String>,
    lines: Option<Vec<Line>>,
) -> serde_json::Value {
    serde_json::json!({"customer": customer, "units": units, "urgency": urgency, "note": note, "lines": lines})
}

/// Markup in its words: <img src=x onerror="window.hacked = true"><script>window.hacked = true</script>
#[tool]
async fn markup() -> String {
    r#"<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>"#.to_owned()
}

/// Reports how far it is, and waits.
#[tool]
async fn slow(go: &Semaphore, ctx: &Context) -> &'static str {
    ctx.progress(1.0).total(4.0).message("a quarter is done").send();
    tokio::select! {
        () = ctx.cancelled() => {}
        permit = go.acquire() => permit.unwrap().forget(),
    }
    "all is done"
}

/// A worker of the development entity, with the tools above.
fn worker(console: &Console, go: &Arc<Semaphore>) -> Worker {
    let registry = ToolRegistry::new().with_shared_state(Arc::clone(go));
    let registry = registry.with_tools(tools![place_order, markup, slow]).unwrap();
    Worker::start(client(&console.gateway.url(), &registry).secret(dev::SECRET))
}

async fn with_worker() -> (Console, Worker, Arc<Semaphore>) {
    let (console, go) = (Console::signed_in().await, Arc::new(Semaphore::new(0)));
    let worker = worker(&console, &go);
    within(async {
        while console.gateway.connection_count() == 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    (console, worker, go)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_shows_the_problem_of_a_wrong_argument_at_its_field_and_calls_the_tool_with_right_ones() {
    let (console, _worker, _go) = with_worker().await;
    console.go("/tools/dev/place_order").await;
    console.shows("heading", "place_order").await;
    console.enter("customer", "Ada").await;
    console.enter("units", "-3").await;
    console.click("button", "Run").await;
    console.says("Required. Choose one.").await;
    console.browser.run("([...document.querySelectorAll('label')].find((label) => label.textContent.trim() === 'express').click(), true)").await;
    console.click("button", "Run").await;
    console
        .browser
        .until("document.querySelector('[aria-invalid=true]')?.labels?.[0]?.textContent.includes('units')")
        .await;
    console.enter("units", "3").await;
    console.click("button", "Run").await;
    console.says("Ada").await;
    console.says("express").await;
    assert!(console.violations().await.is_empty());
    console.browser.run("(scrollTo(0, 0), true)").await;
    console.picture("result-of-a-form").await;
    console.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_of_a_worker_is_text() {
    let (console, _worker, _go) = with_worker().await;
    for place in ["/tools", "/tools/dev/markup", "/tools/dev/markup?tab=schema"] {
        console.go(place).await;
        console.says("<img src=x onerror").await;
    }
    console.go("/tools/dev/markup").await;
    console.click("button", "Run").await;
    console.says("window.hacked = true").await;
    assert_eq!(console.browser.run("window.hacked ?? null").await, serde_json::Value::Null);
    console.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_shows_its_progress_and_is_cancelled() {
    let (console, _worker, go) = with_worker().await;
    console.go("/tools/dev/slow").await;
    console.click("button", "Run").await;
    console.says("a quarter is done").await;
    console.click("button", "Cancel").await;
    console.says("The call was cancelled").await;
    console.click("button", "Run").await;
    console.says("a quarter is done").await;
    go.add_permits(1);
    console.says("all is done").await;
    console.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_is_gone_and_back_without_a_reload() {
    let (console, first, go) = with_worker().await;
    console.go("/workers").await;
    console.browser.run("(window.isSamePage = true)").await;
    console.shows("heading", "Workers").await;
    let row = "document.querySelector('main [role=table], main table')?.innerText.includes('dev') === true";
    console.browser.until(row).await;
    drop(first);
    console.says("No worker is connected").await;
    let _second = worker(&console, &go);
    console.browser.until(row).await;
    assert_eq!(console.browser.run("window.isSamePage").await, true);
    console.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_the_calls_of_each_tool() {
    let (console, _worker, _go) = with_worker().await;
    let caller = Caller::new(console.gateway.url(), dev::ADMIN_KEY);
    for units in 0..40_i32 {
        // Every tenth is refused.
        let units = if units % 10 == 0 { -1 } else { units };
        caller.call("place_order", json!({"customer": "Ada", "units": units, "urgency": "normal"})).await;
        caller.call("markup", json!({})).await;
    }
    console.go("/").await;
    console.shows("link", "place_order").await;
    // The share of errors of the tool, and that of all calls.
    console.says("10 %").await;
    console.says("5 %").await;
    assert!(console.violations().await.is_empty());
    console.picture("overview-with-calls").await;
    console.go("/calls").await;
    console.shows("link", "place_order").await;
    assert!(console.violations().await.is_empty());
    console.picture("calls-with-rows").await;
    console.browser.close().await;
}
