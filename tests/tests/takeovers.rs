//! Tests of two workers of one entity that take over from each other.

use platools::ToolRegistry;
use platools::client::PlatoolsClientBuilder;
use platools_gateway::dev;
use platools_tests::{Caller, Log, Worker, client, keep_links_here, within};
use serde_json::json;

/// The lines of a log that have this text.
fn lines(log: &Log, text: &str) -> Vec<String> {
    log.text().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

#[tokio::test]
async fn two_workers_that_take_turns_are_warned_of_by_name_at_both_ends() {
    let log = Log::default();
    let written = log.clone();
    // Gateway and links run on this thread, so that all of their records are in the log.
    keep_links_here().await;
    let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("there is a free port");
    let worker = || -> PlatoolsClientBuilder { client(&gateway.url(), &ToolRegistry::new()).secret(dev::SECRET) };
    let (_one, _other) = (Worker::start(worker()), Worker::start(worker()));

    let own = "another worker of this entity keeps taking the place of this one";
    let gateways = "two workers keep taking each other's place";
    // Workers wait a millisecond here, so each has lost its place many times within the time of a warning.
    within(async {
        while lines(&log, own).len() < 2 || lines(&log, gateways).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let told = lines(&log, gateways).remove(0);
    let process = format!("127.0.0.1, process {}", std::process::id());
    assert_eq!(told.matches(&process).count(), 2, "both are named: {told}");
    for part in ["WARN", "entity=\"dev\"", "environment=\"development\"", "takeovers=4", "policy `pool`"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for told in lines(&log, own) {
        assert!(told.contains("WARN") && told.contains("entity=\"dev\"") && told.contains("takeovers=3"), "{told}");
    }

    let admin = Caller::new(gateway.url(), dev::ADMIN_KEY);
    let shown = within(async {
        loop {
            // Between two turns there may be no worker.
            let workers = admin.get("/v1/workers").await.body;
            if let Some(worker) = workers["items"].as_array().and_then(|workers| workers.first()) {
                break worker.clone();
            }
        }
    });
    let shown = shown.await;
    assert_eq!(shown["instance"]["pid"], json!(std::process::id()), "{shown}");
    assert!(shown["takeovers"].as_u64() >= Some(4), "{shown}");
}
