//! Tests of calls whose worker is connected to another gateway, and of the command that shows them.

use platools_tests::cluster::Installation;
use serde_json::json;

use super::{called, worker};

#[tokio::test]
async fn a_call_from_each_gateway_reaches_a_worker_at_another() {
    let installation = Installation::start("calls", 3).await;
    let secret = installation.add_named_entity("sums").await;
    for holder in 1..=3 {
        let _worker = worker(installation.gateway(holder).url(), &secret).await;
        for origin in 1..=3 {
            installation.worker_at(origin, "sums", &[holder]).await;
            let result = called(&installation.admin(origin), holder.into()).await.result();
            assert_eq!(result, json!(holder + 1), "from {origin} to {holder}");
        }
    }
}

#[tokio::test]
async fn the_status_shows_every_gateway_and_the_one_of_a_worker() {
    let installation = Installation::start("status", 2).await;
    let secret = installation.add_named_entity("sums").await;
    let _worker = worker(installation.gateway(2).url(), &secret).await;
    installation.worker_at(1, "sums", &[2]).await;
    let text = installation.status(&[]).await;
    let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["gateway", "version", "workers"], "{text}");
    assert_eq!((rows[1][0], rows[2][0], rows.len()), ("1", "2", 3), "{text}");
    let text = installation.status(&["--worker", "sums", "--json"]).await;
    let workers: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&workers[0]["entity"], &workers[0]["gateway"]), (&json!("sums"), &json!(2)), "{text}");

    let figures = installation.metrics(1).await;
    for line in ["platools_gateways{} 2", "platools_bus_connected{} 1", "platools_database_connected{} 1"] {
        assert!(figures.lines().any(|found| found == line), "{line}: {figures}");
    }
}
