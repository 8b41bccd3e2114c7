use futures::{FutureExt, StreamExt};
use rmcp::model::{EmptyResult, RequestId, ServerJsonRpcMessage, ServerResult};

use super::*;

fn priming() -> ServerSseMessage {
    ServerSseMessage::retry(Duration::from_secs(3))
}

fn answer() -> ServerSseMessage {
    let result = ServerResult::EmptyResult(EmptyResult {});
    ServerSseMessage::from_message(ServerJsonRpcMessage::response(result, RequestId::Number(1)))
}

async fn store(events: &Events, stream: &str, event: ServerSseMessage) -> EventId {
    events.store_event(stream, &event).await.expect("it is kept")
}

async fn ids(stream: EventStream) -> Vec<String> {
    stream.map(|event| event.event_id.expect("it has an id")).collect().await
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_has_what_was_missed_and_then_what_comes() {
    let events = Events::default();
    let first = store(&events, "s", priming()).await;
    let second = store(&events, "s", priming()).await;
    let mut missed = events.replay_events_after(&first).await.expect("it is kept");
    assert_eq!(missed.next().await.expect("missed").event_id, Some(second));
    assert!(missed.next().now_or_never().is_none(), "the answer is not complete");
    let third = store(&events, "s", answer()).await;
    assert_eq!(ids(missed).await, std::slice::from_ref(&third));
    assert_eq!(ids(events.replay_events_after(&third).await.expect("it is kept")).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_knows_is_an_error() {
    let events = Events::default();
    store(&events, "s", answer()).await;
    for unknown in ["", "s", "s/", "s/x", "t/0", "/0", "s/18446744073709551616"] {
        assert!(events.replay_events_after(unknown).await.is_err(), "{unknown}");
    }
    assert_eq!(ids(events.replay_events_after("s/18446744073709551615").await.expect("known")).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_complete_answer_is_kept_for_a_minute() {
    let events = Events::default();
    let id = store(&events, "s", answer()).await;
    let open = store(&events, "open", priming()).await;
    tokio::time::advance(KEPT - Duration::from_secs(1)).await;
    store(&events, "t", answer()).await;
    assert!(events.replay_events_after(&id).await.is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    store(&events, "t", answer()).await;
    assert!(events.replay_events_after(&id).await.is_err());
    assert!(events.replay_events_after(&open).await.is_ok(), "it is not complete");
}

#[tokio::test(start_paused = true)]
async fn of_a_long_stream_the_last_events_are_kept() {
    let events = Events::default();
    for _ in 0..MOST_EVENTS + 10 {
        store(&events, "s", priming()).await;
    }
    store(&events, "s", answer()).await;
    let kept = ids(events.from("s".to_owned(), 0)).await;
    assert_eq!((kept.len(), kept[0].as_str()), (MOST_EVENTS, "s/11"));
    let missed = events.replay_events_after("s/3").await.expect("the stream is known");
    assert_eq!(ids(missed).await, kept);
    events.forget("s");
    assert_eq!(events.lock().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn too_much_makes_the_oldest_complete_answers_go() {
    let events = Events::default();
    let first = store(&events, "first", answer()).await;
    let second = store(&events, "second", answer()).await;
    let one = size(&answer());
    events.lock().bytes += MOST_BYTES - one;
    store(&events, "third", answer()).await;
    assert!(events.replay_events_after(&first).await.is_err());
    assert!(events.replay_events_after(&second).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn streams_that_never_end_do_not_add_up() {
    let events = Events::default();
    for stream in 0..2 * MOST_STREAMS {
        store(&events, &stream.to_string(), priming()).await;
        store(&events, "lively", priming()).await;
    }
    assert!(events.lock().by_id.len() <= MOST_STREAMS && !events.know("0") && events.know("lively"));
    let bytes: usize = events.lock().by_id.values().map(|kept| kept.bytes).sum();
    assert_eq!(events.lock().bytes, bytes);
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_stream_that_is_forgotten_is_at_its_end() {
    let events = Events::default();
    store(&events, "s", priming()).await;
    let mut all = events.from("s".to_owned(), 0);
    all.next().await.expect("the first");
    let rest = tokio::spawn(ids(all));
    tokio::task::yield_now().await;
    events.forget("s");
    assert_eq!(rest.await.expect("no panic"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn notices_go_on_after_an_answer_that_belongs_to_no_request() {
    let events = Events::default();
    let first = store(&events, "s:common", priming()).await;
    let stray = store(&events, "s:common", answer()).await;
    let mut missed = events.replay_events_after(&first).await.expect("it is kept");
    assert_eq!(missed.next().await.expect("missed").event_id, Some(stray));
    assert!(missed.next().now_or_never().is_none(), "there may be more");
    let next = store(&events, "s:common", priming()).await;
    assert_eq!(missed.next().await.expect("the next").event_id, Some(next));
}

#[tokio::test(start_paused = true)]
async fn notices_are_for_who_asked_last_and_for_others_when_that_one_is_gone() {
    let events = Events::default();
    let mut first = events.listen("s");
    let noticed = store(&events, "s:common", priming()).await;
    assert_eq!(first.next().await.expect("a notice").event_id, Some(noticed));
    let mut second = events.listen("s");
    let noticed = store(&events, "s:common", priming()).await;
    assert!(first.next().now_or_never().is_none());
    assert_eq!(second.next().await.expect("a notice").event_id, Some(noticed));
    drop(second);
    assert!(first.next().now_or_never().is_none(), "it was told already");
    let noticed = store(&events, "s:common", priming()).await;
    assert_eq!(first.next().await.expect("a notice").event_id, Some(noticed));
    let others: Vec<_> = (0..MOST_LISTENERS).map(|_| events.listen("s")).collect();
    assert!(first.next().await.is_none(), "there are too many");
    events.forget("s:common");
    for other in others {
        assert_eq!(ids(other).await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn notices_that_nobody_reads_take_no_room_from_answers() {
    let events = Events::default();
    let notice = || {
        let message = serde_json::json!({
            "jsonrpc": "2.0", "method": "notifications/message",
            "params": { "level": "info", "data": "x".repeat(8 * 1024) },
        });
        ServerSseMessage::from_message(serde_json::from_value(message).expect("a notice"))
    };
    let mut last = String::new();
    for _ in 0..200 {
        last = store(&events, "s:common", notice()).await;
    }
    assert!(events.lock().bytes <= MOST_NOTICE_BYTES, "{}", events.lock().bytes);
    assert!(events.replay_events_after(&last).await.is_ok(), "the latest are kept");
}
