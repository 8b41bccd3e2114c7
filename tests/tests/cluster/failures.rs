//! Tests of gateways that are killed, and of those that lose the bus or the database.

use platools_tests::cluster::{GatewayProcess, Installation};
use platools_tests::within;
use serde_json::json;

use super::{called, worker};

#[tokio::test]
async fn the_workers_of_a_gateway_that_was_killed_are_called_at_another() {
    let mut installation = Installation::start("killed", 2).await;
    let secret = installation.add_named_entity("sums").await;
    let balancer = installation.balancer().await;
    let _worker = worker(&balancer.url(), &secret).await;
    let holder = installation.worker_at(1, "sums", &[1, 2]).await;
    let other = 3 - holder;
    installation.gateway_mut(holder).kill().await;
    installation.worker_at(other, "sums", &[other]).await;
    assert_eq!(called(&installation.admin(other), 1).await.result(), json!(2));
    installation.gateway_mut(holder).restart().await;
    installation.says_ready(holder, 200, "ready").await;
    assert_eq!(called(&installation.admin(holder), 2).await.result(), json!(3));
}

/// Takes a part away from the gateway of a worker, and checks that the worker moves to the other one.
async fn moves_without(name: &str, take: fn(&GatewayProcess), give: fn(&GatewayProcess), told: &str) {
    let installation = Installation::start(name, 2).await;
    let secret = installation.add_named_entity("sums").await;
    let balancer = installation.balancer().await;
    let _worker = worker(&balancer.url(), &secret).await;
    let holder = installation.worker_at(1, "sums", &[1, 2]).await;
    let other = 3 - holder;
    // The tool is stored.
    assert_eq!(called(&installation.admin(other), 0).await.result(), json!(1));
    take(installation.gateway(holder));
    installation.says_ready(holder, 503, told).await;
    let health = installation.admin(holder).get("/health").await;
    assert_eq!(health.status, 200, "{health:?}");
    installation.worker_at(other, "sums", &[other]).await;
    assert_eq!(called(&installation.admin(other), 1).await.result(), json!(2));
    assert!(installation.gateway(holder).log().contains("workers sent to other gateways"));
    give(installation.gateway(holder));
    installation.says_ready(holder, 200, "ready").await;
    assert_eq!(called(&installation.admin(holder), 2).await.result(), json!(3));
}

#[tokio::test]
async fn the_workers_of_a_gateway_without_nats_move_to_one_that_has_it() {
    moves_without("without-nats", |gateway| gateway.bus.cut(), |gateway| gateway.bus.open(), "NATS").await;
}

#[tokio::test]
async fn the_workers_of_a_gateway_whose_way_to_nats_is_silent_move_as_well() {
    moves_without("silent-nats", |gateway| gateway.bus.silence(), |gateway| gateway.bus.open(), "NATS").await;
}

#[tokio::test]
async fn the_workers_of_a_gateway_without_the_database_move_to_one_that_has_it() {
    moves_without("without-database", |gateway| gateway.database.cut(), |gateway| gateway.database.open(), "database")
        .await;
}

#[tokio::test]
async fn a_gateway_without_the_database_and_nats_keeps_its_workers() {
    let installation = Installation::start("without-both", 2).await;
    let secret = installation.add_named_entity("sums").await;
    let _worker = worker(installation.gateway(1).url(), &secret).await;
    installation.worker_at(2, "sums", &[1]).await;
    assert_eq!(called(&installation.admin(2), 0).await.result(), json!(1));
    installation.gateway(1).bus.cut();
    installation.gateway(1).database.cut();
    installation.says_ready(1, 503, "for 10 seconds").await;
    installation.gateway(1).database.open();
    installation.gateway(1).bus.open();
    installation.says_ready(1, 200, "ready").await;
    installation.worker_at(2, "sums", &[1]).await;
    assert!(!installation.gateway(1).log().contains("workers sent to other gateways"));
}

#[tokio::test]
async fn a_restart_of_nats_or_of_the_database_goes_unnoticed_by_callers() {
    let mut installation = Installation::start("restarts", 2).await;
    let secret = installation.add_named_entity("sums").await;
    let _worker = worker(installation.gateway(1).url(), &secret).await;
    installation.worker_at(2, "sums", &[1]).await;
    installation.nats.restart().await;
    assert_eq!(called(&installation.admin(2), 1).await.result(), json!(2));
    installation.postgres.restart().await;
    assert_eq!(called(&installation.admin(2), 2).await.result(), json!(3));
    for number in [1, 2] {
        installation.says_ready(number, 200, "ready").await;
    }
}

#[tokio::test]
async fn a_gateway_whose_number_was_taken_while_it_was_cut_off_stops() {
    let mut installation = Installation::start("taken", 2).await;
    installation.gateway(2).database.cut();
    let nats = installation.nats.url();
    let other = installation.serve(&["--nats", &nats, "--cluster-gateway", "2"]).await;
    installation.gateway(2).database.open();
    let status = within(installation.gateway_mut(2).ended()).await;
    assert!(!status.success());
    let log = installation.gateway(2).log();
    assert!(log.contains("another gateway has taken the number 2"), "{log}");
    drop(other);
}
