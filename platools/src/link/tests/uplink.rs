//! Tests of slow and stalled networks: delivery, detection of dead sockets, the limit on memory, and stops.

use super::*;

const MIB: usize = 1024 * 1024;

/// Heartbeats this far apart; everything else is as the builder has it.
fn every(interval: Duration) -> Settings {
    Settings { heartbeat_interval: interval, drain_limit: 30 * SECOND, ..settings() }
}

fn worker_with(settings: Settings) -> Worker {
    Worker::new(registry(), settings, Reporter::default())
}

/// A worker that keeps so many bytes of replies, and what happens on its link.
fn small_worker(bytes: usize) -> (Worker, futures::stream::BoxStream<'static, Event>) {
    let reporter = Reporter::default();
    let events = reporter.listen(|_| None);
    let outbox = Bounds { bytes, ..Bounds::default() };
    (Worker::new(registry(), Settings { outbox, ..settings() }, reporter), events)
}

#[tokio::test(start_paused = true)]
async fn a_result_that_needs_three_heartbeats_is_delivered_once_by_one_socket() {
    let mut platform = Platform::serve_slowly(worker_with(every(30 * SECOND)), 100 * 1024).await;
    platform.frame_of("tool_register").await;
    let start = Instant::now();
    platform.call_for("large", 9 * MIB).await;
    assert_eq!(platform.result().await, "large");
    assert!(start.elapsed() > 90 * SECOND, "the link is slow: {:?}", start.elapsed());
    platform.call("marker", json!({})).await;
    assert_eq!(platform.result().await, "marker", "and nothing twice");
    platform.frame_of("heartbeat").await;
    assert!(!platform.session.is_finished());
}

#[tokio::test(start_paused = true)]
async fn ten_large_results_are_delivered_once_each_by_one_socket() {
    let mut platform = Platform::serve_slowly(worker_with(every(3 * SECOND)), 2_000_000).await;
    platform.frame_of("tool_register").await;
    for call in 0..10 {
        platform.call_for(&call.to_string(), 6 * MIB).await;
    }
    let mut results = Vec::new();
    for _ in 0..10 {
        results.push(platform.result().await);
    }
    results.sort();
    assert_eq!(results, (0..10).map(|call| call.to_string()).collect::<Vec<_>>());
    platform.call("marker", json!({})).await;
    assert_eq!(platform.result().await, "marker", "and nothing twice");
    assert!(!platform.session.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_takes_nothing_and_says_nothing_for_two_intervals_is_dead() {
    let mut platform = Platform::serve(worker_with(every(30 * SECOND))).await;
    platform.frame_of("tool_register").await;
    let start = Instant::now();
    platform.call_for("large", 9 * MIB).await;
    let Platform { socket: _unread, session, .. } = platform;
    let (worker, ended) = timeout(600 * SECOND, session).await.expect("it ends").expect("it does not panic");
    assert_eq!((ended.reason, worker.unconfirmed()), (Disconnect::Silent, 1));
    assert_eq!(start.elapsed(), 90 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_takes_nothing_and_answers_is_alive() {
    let mut platform = Platform::serve(worker_with(every(30 * SECOND))).await;
    platform.frame_of("tool_register").await;
    platform.call_for("large", 9 * MIB).await;
    for _ in 0..10 {
        tokio::time::sleep(30 * SECOND).await;
        platform.acknowledge().await;
    }
    assert_eq!(platform.result().await, "large");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_go_between_replies_and_confirm_those_before_them_only() {
    let mut platform = Platform::serve(worker_with(every(30 * SECOND))).await;
    platform.frame_of("tool_register").await;
    for call in ["a", "b", "c", "d", "e"] {
        platform.call_for(call, 600 * 1024).await;
    }
    let mut calls = Vec::new();
    for kind in ["tool_result", "tool_result", "heartbeat", "tool_result", "tool_result", "heartbeat", "tool_result"] {
        let frame = platform.frame_of(kind).await;
        calls.extend(frame["call_id"].as_str().map(str::to_owned));
    }
    platform.acknowledge().await;
    // Read behind the acknowledgement.
    platform.begin("running", 1_000_000).await;
    platform.close(1001, "restart").await;
    let (worker, _) = platform.end().await;
    assert_eq!(worker.unconfirmed(), 4, "three of the five, and the marker");

    let mut platform = Platform::serve_slowly(worker, 100 * 1024).await;
    platform.frame_of("tool_register").await;
    for call in &calls[2..4] {
        assert_eq!(platform.frame_of("tool_result").await["call_id"], *call);
    }
    platform.frame_of("heartbeat").await;
    platform.acknowledge().await;
    assert_eq!(platform.frame_of("tool_result").await["call_id"], calls[4]);
    platform.close(1001, "restart").await;
    let (worker, _) = platform.end().await;
    assert_eq!(worker.unconfirmed(), 2, "what the slow socket has delivered stays delivered");
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_is_read_while_nothing_can_be_written() {
    let mut platform = Platform::serve_extended(worker_with(every(30 * SECOND))).await;
    for call in 0..8 {
        platform.call_for(&call.to_string(), MIB).await;
    }
    tokio::time::sleep(SECOND).await;
    let calls: Vec<_> = (0..8).map(|call| call.to_string()).collect();
    platform.send(json!({"type": "result_ack", "call_ids": calls})).await;
    tokio::time::sleep(SECOND).await;
    platform.call("marker", json!({})).await;
    let mut results = Vec::new();
    while results.last().is_none_or(|last| last != "marker") {
        results.push(platform.result().await);
    }
    assert!(results.len() <= 3, "only what was on its way already: {results:?}");
}

#[tokio::test(start_paused = true)]
async fn replies_that_were_given_up_are_not_sent_any_more() {
    let (worker, mut events) = small_worker(3 * MIB);
    let mut platform = Platform::serve(worker).await;
    platform.frame_of("tool_register").await;
    for call in 0..20 {
        platform.call_for(&call.to_string(), MIB - 1024).await;
    }
    tokio::time::sleep(SECOND).await;
    let mut dropped = 0;
    while let Ok(Some(event)) = timeout(SECOND, events.next()).await {
        if let Event::RepliesDropped { count, .. } = event {
            dropped += count;
        }
    }
    assert_eq!(dropped, 17);
    // The first one that the socket took was on its way.
    let kept: Vec<_> =
        [platform.result().await, platform.result().await, platform.result().await, platform.result().await].into();
    platform.call("marker", json!({})).await;
    assert_eq!(platform.result().await, "marker", "beside {kept:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_are_refused_while_too_many_replies_wait() {
    let (worker, _) = small_worker(6 * MIB);
    let mut platform = Platform::serve(worker).await;
    platform.frame_of("tool_register").await;
    for call in 0..5 {
        platform.call_for(&call.to_string(), MIB).await;
    }
    tokio::time::sleep(SECOND).await;
    platform.call("refused", json!({})).await;
    tokio::time::sleep(SECOND).await;
    for _ in 0..5 {
        platform.result().await;
    }
    let refused = loop {
        let frame = platform.frame().await;
        if frame["type"] != "heartbeat" {
            break frame;
        }
        platform.acknowledge().await;
    };
    assert_eq!((&refused["type"], &refused["call_id"]), (&json!("tool_error"), &json!("refused")));
    assert!(refused["error"].as_str().expect("a message").contains("too many replies"), "{refused}");
    platform.call("taken", json!({})).await;
    assert_eq!(platform.result().await, "taken");
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_too_old_are_given_up_without_a_socket_and_with_one() {
    for has_socket in [false, true] {
        let (worker, mut events) = small_worker(64 * MIB);
        let mut platform = Platform::serve(worker).await;
        platform.frame_of("tool_register").await;
        platform.call("old", json!({})).await;
        platform.frame_of("tool_result").await;
        let start = Instant::now();
        if has_socket {
            // A platform that lives, and confirms nothing.
            for _ in 0..25 {
                tokio::time::sleep(30 * SECOND).await;
                platform.send(json!({"type": "unknown"})).await;
            }
        } else {
            platform.close(1001, "restart").await;
            let (mut worker, _) = platform.end().await;
            let _ = timeout(700 * SECOND, worker.between_sockets()).await;
            assert_eq!(worker.unconfirmed(), 0);
        }
        let dropped = async {
            loop {
                if let Some(Event::RepliesDropped { count, .. }) = events.next().await {
                    break count;
                }
            }
        };
        assert_eq!(timeout(SECOND, dropped).await.expect("it is reported"), 1);
        assert!(start.elapsed() >= 600 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_delivers_what_takes_longer_than_a_close() {
    let mut platform = Platform::serve_slowly(worker_with(every(30 * SECOND)), MIB).await;
    platform.frame_of("tool_register").await;
    platform.call_for("large", 9 * MIB).await;
    tokio::time::sleep(SECOND / 2).await;
    let start = Instant::now();
    platform.stop.send_replace(true);
    assert_eq!(platform.result().await, "large");
    assert!(start.elapsed() > 8 * SECOND, "{:?}", start.elapsed());
    platform.frame_of("heartbeat").await;
    assert!(platform.message().await.is_close());
    while platform.socket.next().await.is_some() {}
    let (worker, reason) = platform.end().await;
    assert_eq!((reason, worker.unconfirmed()), (Disconnect::Stopped, 0));
    assert!(start.elapsed() < 10 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_in_time_while_the_platform_takes_nothing() {
    let mut platform = Platform::serve(worker_with(every(30 * SECOND))).await;
    platform.frame_of("tool_register").await;
    platform.call_for("large", 9 * MIB).await;
    tokio::time::sleep(SECOND / 2).await;
    let start = Instant::now();
    let Platform { socket: _unread, session, stop } = platform;
    stop.send_replace(true);
    let (worker, ended) = timeout(600 * SECOND, session).await.expect("it ends").expect("it does not panic");
    assert_eq!((ended.reason, worker.unconfirmed()), (Disconnect::Stopped, 1));
    assert_eq!(start.elapsed(), 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_replies_waits_five_seconds_for_the_answer_to_its_close() {
    let mut platform = Platform::serve(worker_with(every(30 * SECOND))).await;
    platform.frame_of("tool_register").await;
    let start = Instant::now();
    platform.stop.send_replace(true);
    assert!(platform.message().await.is_close());
    let Platform { socket: _unanswered, session, .. } = platform;
    let (_, ended) = timeout(600 * SECOND, session).await.expect("it ends").expect("it does not panic");
    assert_eq!((ended.reason, start.elapsed()), (Disconnect::Stopped, 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_carry_tools_with_news_alone() {
    let registry = registry();
    registry.insert(Named("never_called")).expect("free");
    let mut platform = Platform::serve(worker(&registry)).await;
    platform.frame_of("tool_register").await;
    platform.call("c", json!({})).await;
    platform.frame_of("tool_result").await;
    for news in [1, 0, 0] {
        let heartbeat = platform.frame_of("heartbeat").await;
        let health = heartbeat["tools_health"].as_object().expect("an object");
        assert_eq!((health.len(), health.contains_key("work")), (news, news == 1), "{heartbeat}");
        platform.acknowledge().await;
    }
}
