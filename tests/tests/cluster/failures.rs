//! Tests of gateways that are killed, frozen or stopped, and of those that lose the bus or the database.

use std::time::Duration;

use platools_tests::cluster::{GatewayProcess, Installation, KeyedLoad, LoadEnd, LoadReport};
use platools_tests::within;
use serde_json::json;
use tokio::time::sleep;

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

/// Makes 20 calls a second to 12 workers, with idempotency keys, before, during and after a fault. A call that ran twice, or that has no answer,
/// fails the test, and so does one of which nobody knows whether it ran, unless the fault `may` have that effect.
async fn calls_during(name: &str, fault: impl AsyncFnOnce(&mut Installation), may_leave_unknown: bool) -> LoadReport {
    let mut installation = Installation::start(name, 3).await;
    let load = KeyedLoad::start(&installation, 12, 20).await;
    let report = load.during(Duration::from_secs(1), fault(&mut installation), Duration::from_secs(5)).await;
    assert_eq!(report.repeated(), [0_u64; 0], "calls that ran twice");
    assert_eq!(report.count(LoadEnd::Lost), 0, "{:?}", report.errors);
    assert_eq!(report.count(LoadEnd::Refused), 0, "{:?}", report.errors);
    if !may_leave_unknown {
        assert_eq!(report.count(LoadEnd::Unknown), 0, "{:?}", report.errors);
    }
    assert_eq!(report.recovery_times().len(), 12, "workers that were called after the fault");
    report
}

#[tokio::test]
async fn calls_go_on_after_a_gateway_was_killed() {
    let kill = async |installation: &mut Installation| {
        installation.gateway_mut(2).kill().await;
        sleep(Duration::from_secs(8)).await;
        installation.gateway_mut(2).restart().await;
    };
    // A call whose worker was at the gateway where it began has left nobody who knows.
    let report = calls_during("load-kill", kill, true).await;
    assert!(report.count(LoadEnd::Unknown) < 10, "{:?}", report.errors);
}

#[tokio::test]
async fn calls_go_on_while_a_gateway_is_frozen_and_after_it() {
    let freeze = async |installation: &mut Installation| {
        installation.gateway(3).freeze();
        sleep(Duration::from_secs(20)).await;
        installation.gateway(3).thaw();
    };
    calls_during("load-freeze", freeze, true).await;
}

#[tokio::test]
async fn no_call_fails_while_every_gateway_restarts_in_turn() {
    let roll = async |installation: &mut Installation| {
        for number in 1..=3 {
            installation.gateway_mut(number).restart().await;
            installation.says_ready(number, 200, "ready").await;
        }
    };
    calls_during("load-roll", roll, false).await;
}

#[tokio::test]
async fn calls_go_on_after_the_database_was_away_for_thirty_seconds() {
    let stop = async |installation: &mut Installation| {
        installation.postgres.stop().await;
        sleep(Duration::from_secs(30)).await;
        installation.postgres.restart().await;
    };
    calls_during("load-postgres", stop, false).await;
}

#[tokio::test]
async fn workers_stay_while_all_gateways_are_without_nats() {
    let cut = async |installation: &mut Installation| {
        for gateway in installation.gateways() {
            gateway.bus.cut();
        }
        installation.says_ready(1, 503, "NATS").await;
        for gateway in installation.gateways() {
            gateway.bus.open();
        }
        for number in 1..=3 {
            installation.says_ready(number, 200, "ready").await;
            assert!(!installation.gateway(number).log().contains("workers sent to other gateways"));
        }
    };
    calls_during("load-nats", cut, true).await;
}
