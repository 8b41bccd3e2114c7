//! Tests of several gateways: links, calls and answers between them, and their ends.

mod fan_out;
mod installation;
mod simulation;

use std::time::Duration;

use super::members::SILENCE;
use crate::domain::error::ErrorKind;
use crate::domain::identity::Policy;
use crate::domain::lock::lock;
use crate::pending_calls::{Progress, Report, Reports};
use installation::{Installation, cluster, until};

const ONE: &[(&str, Policy)] = &[("tools", Policy::Supersede)];

#[tokio::test]
async fn a_call_reaches_a_worker_at_another_gateway_and_its_answer_comes_back() {
    let installation = Installation::start(3, ONE).await;
    let worker = installation.worker(1, "tools", "p1", "echo").await.run();
    for gateway in 0..3 {
        installation.is_online(gateway, "echo").await;
        assert_eq!(installation.call(gateway, "echo", 7).await.unwrap(), 7);
    }
    assert_eq!(lock(&worker.ran).len(), 3);
}

#[tokio::test]
async fn progress_and_cancellation_cross_gateways() {
    let installation = Installation::start(2, ONE).await;
    let mut worker = installation.worker(1, "tools", "p1", "slow").await;
    installation.is_online(0, "slow").await;
    let (report_sender, mut reports) = Reports::new();
    let mut call = Box::pin(installation.call_with(0, "slow", 1, Some(report_sender)));
    let call_id = tokio::select! {
        _ = &mut call => unreachable!("nobody has answered"),
        call = worker.next_call() => call.expect("a call").0,
    };
    let report = Report::Progress(Progress { progress: 1.0, total: Some(2.0), message: None });
    worker.report(&call_id, report.clone());
    tokio::select! {
        _ = &mut call => unreachable!("nobody has answered"),
        received = reports.next() => assert_eq!(received, report),
    }
    drop(call);
    assert_eq!(worker.next_cancellation().await, call_id);
}

#[tokio::test]
async fn a_newer_link_at_another_gateway_takes_the_place_of_the_older() {
    let installation = Installation::start(2, ONE).await;
    let older = installation.worker(0, "tools", "p1", "echo").await;
    installation.is_online(1, "echo").await;
    let newer = installation.worker(1, "tools", "p2", "echo").await.run();
    older.closed().await;
    drop(older);
    for gateway in 0..2 {
        assert_eq!(installation.call(gateway, "echo", 1).await.unwrap(), 1);
    }
    assert_eq!(lock(&newer.ran).len(), 2);
}

#[tokio::test]
async fn an_answer_finds_its_call_over_whichever_gateway_the_worker_comes_back_to() {
    let installation = Installation::start(3, ONE).await;
    let mut worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    let mut call = Box::pin(installation.call(0, "echo", 5));
    let call_id = tokio::select! {
        _ = &mut call => unreachable!("nobody has answered"),
        call = worker.next_call() => call.expect("a call").0,
    };
    worker.disconnect();
    let again = installation.worker(2, "tools", "p1", "echo").await;
    let (answered, ()) = tokio::join!(call, again.answer(&call_id, 5));
    assert_eq!(answered.unwrap(), 5);
}

#[tokio::test]
async fn calls_that_a_link_of_another_gateway_did_not_send_go_to_the_next_link() {
    let installation = Installation::start(2, &[("tools", Policy::Pool)]).await;
    let mut worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    let mut call = Box::pin(installation.call(0, "echo", 5));
    // The call waits for the socket, which does not take it.
    tokio::select! {
        _ = &mut call => unreachable!("nobody has answered"),
        () = until(|| worker.queued() == 1) => {}
    }
    worker.disconnect();
    let other = installation.worker(0, "tools", "p2", "echo").await.run();
    assert_eq!(call.await.unwrap(), 5);
    assert_eq!(*lock(&other.ran), [5]);
}

#[tokio::test]
async fn a_call_whose_gateway_is_gone_waits_for_the_worker_elsewhere() {
    let installation = Installation::start(3, ONE).await;
    let mut worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    tokio::time::pause();
    let mut call = Box::pin(installation.call(0, "echo", 5));
    let call_id = tokio::select! {
        _ = &mut call => unreachable!("nobody has answered"),
        call = worker.next_call() => call.expect("a call").0,
    };
    installation.kill(1);
    let gone = async {
        until(|| cluster(&installation.core(0)).members().count() == 2).await;
        let again = installation.worker(2, "tools", "p1", "echo").await;
        again.answer(&call_id, 5).await;
    };
    let (answered, ()) = tokio::join!(call, gone);
    assert_eq!(answered.unwrap(), 5);
}

#[tokio::test]
async fn a_worker_of_a_gateway_that_is_gone_is_not_called() {
    let installation = Installation::start(2, ONE).await;
    let _worker = installation.worker(1, "tools", "p1", "echo").await.run();
    installation.is_online(0, "echo").await;
    tokio::time::pause();
    installation.kill(1);
    let error = installation.call(0, "echo", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerOffline);
    until(|| cluster(&installation.core(0)).members().count() == 1).await;
    assert_eq!(installation.core(0).links.list(&installation.caller().project_id).len(), 0);
}

#[tokio::test]
async fn calls_go_on_after_a_short_cut_between_gateways() {
    let installation = Installation::start(2, ONE).await;
    let mut worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    tokio::time::pause();
    let mut call = Box::pin(installation.call(0, "echo", 5));
    let call_id = tokio::select! {
        _ = &mut call => unreachable!("nobody has answered"),
        call = worker.next_call() => call.expect("a call").0,
    };
    let cut = async {
        installation.network.disconnect(installation.member(1));
        until(|| cluster(&installation.core(0)).members().count() == 1).await;
        tokio::time::sleep(SILENCE).await;
        let answered = worker.answer(&call_id, 5);
        tokio::join!(answered, async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            installation.network.reconnect(installation.member(1));
        });
    };
    let (answered, ()) = tokio::join!(call, cut);
    assert_eq!(answered.unwrap(), 5);
    installation.is_online(0, "echo").await;
}

#[tokio::test]
async fn the_links_of_a_pool_at_several_gateways_have_their_tools_together() {
    let installation = Installation::start(2, &[("tools", Policy::Pool)]).await;
    let first = installation.worker(0, "tools", "p1", "a").await.run();
    let second = installation.worker(1, "tools", "p2", "b").await.run();
    for gateway in 0..2 {
        for tool in ["a", "b"] {
            installation.is_online(gateway, tool).await;
            assert_eq!(installation.call(gateway, tool, 3).await.unwrap(), 3);
        }
    }
    assert_eq!((lock(&first.ran).len(), lock(&second.ran).len()), (2, 2));
}

#[tokio::test]
async fn a_gateway_that_starts_again_has_the_links_of_the_others() {
    let installation = Installation::start(2, ONE).await;
    let worker = installation.worker(1, "tools", "p1", "echo").await.run();
    installation.is_online(0, "echo").await;
    installation.restart(0).await;
    installation.is_online(0, "echo").await;
    assert_eq!(installation.call(0, "echo", 2).await.unwrap(), 2);
    assert_eq!(lock(&worker.cancelled).len(), 0);
}

#[tokio::test]
async fn the_answer_of_a_call_with_a_key_is_kept_where_its_worker_is_if_its_gateway_is_gone() {
    let installation = Installation::start(3, ONE).await;
    let mut worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    let _lost = installation.call_with_key(0, "k", "echo", 5);
    let (call_id, _) = worker.next_call().await.unwrap();
    // It hangs, so it does not store how its calls ended.
    installation.network.disconnect(installation.member(0));
    tokio::time::pause();
    until(|| cluster(&installation.core(1)).members().count() == 2).await;
    tokio::time::resume();
    let repeat = installation.call_with_key(2, "k", "echo", 5);
    worker.answer(&call_id, 5).await;
    assert_eq!(repeat.await.unwrap().unwrap(), 5);
    assert_eq!(installation.call_with_key(1, "k", "echo", 5).await.unwrap().unwrap(), 5);
    assert_eq!(lock(&worker.ran).len(), 1, "it runs once");
}

#[tokio::test]
async fn the_answer_of_a_call_with_a_key_is_kept_if_its_gateway_has_started_again() {
    let installation = Installation::start(2, ONE).await;
    let mut worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    let _lost = installation.call_with_key(0, "k", "echo", 5);
    let (call_id, _) = worker.next_call().await.unwrap();
    installation.replace_hung(0).await;
    installation.is_online(0, "echo").await;
    let repeats = [0, 1].map(|gateway| installation.call_with_key(gateway, "k", "echo", 5));
    worker.answer(&call_id, 5).await;
    for repeat in repeats {
        assert_eq!(repeat.await.unwrap().unwrap(), 5);
    }
    assert_eq!(lock(&worker.ran).len(), 1, "it runs once");
}

#[tokio::test]
async fn gateways_divide_the_limits_of_keys_and_a_pool_has_its_places_at_all_of_them() {
    let installation = Installation::start(2, &[("tools", Policy::Pool)]).await;
    let core = installation.core(0);
    let caller = installation.caller();
    let in_flight: Vec<_> = (0..2000).map_while(|_| core.limiter.admit_call(&caller).ok()).collect();
    assert_eq!(in_flight.len(), 500, "half of 1000");
    let _worker = installation.worker(1, "tools", "p1", "echo").await;
    installation.is_online(0, "echo").await;
    let entity = core.links.list(&caller.project_id)[0].identity.entity_id.clone();
    assert_eq!([0, 1].map(|gateway| installation.core(gateway).links.count_remote(&entity)), [1, 0]);
}
