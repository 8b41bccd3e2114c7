//! Tests of pending calls: calls that end, that return unsent, and that are lost.

use std::time::Duration;

use futures::FutureExt as _;

use serde_json::value::RawValue;
use tokio::time::Instant;

use super::table::CallTable;
use super::*;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, LinkId};
use crate::limits::gauge::Gauge;

fn scope(entity: &str) -> Scope {
    Scope { entity: entity.into(), environment: "env".into() }
}

fn failed(message: &str) -> WorkerAnswer {
    WorkerAnswer::Failed { message: message.to_owned(), details: None, traceback: None }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn an_answer_ends_its_call_once() {
    let calls = PendingCalls::default();
    let waiting = calls.open("c".into(), scope("a"), "t", None);
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("first")), Receipt::Accepted);
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("second")), Receipt::NotPending);
    assert!(
        matches!(ended(waiting, soon(), Duration::MAX).await, Ok(WorkerAnswer::Failed { message, .. }) if message == "first")
    );
}

#[tokio::test]
async fn an_answer_from_elsewhere_leaves_the_call_waiting() {
    let calls = PendingCalls::default();
    let waiting = calls.open("c".into(), scope("a"), "t", None);
    assert_eq!(calls.answer(&scope("b"), &"c".into(), failed("foreign")), Receipt::Foreign);
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("own")), Receipt::Accepted);
    assert!(
        matches!(ended(waiting, soon(), Duration::MAX).await, Ok(WorkerAnswer::Failed { message, .. }) if message == "own")
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_forgotten() {
    let calls = PendingCalls::default();
    let waiting = calls.open("c".into(), scope("a"), "t", None);
    let error = ended(waiting, soon(), Duration::MAX).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::NotPending);
}

#[tokio::test]
async fn a_caller_that_went_away_is_forgotten() {
    let calls = PendingCalls::default();
    drop(calls.open("c".into(), scope("a"), "t", None));
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::NotPending);
}

/// Waits for the end of a call that is not returned.
async fn ended(mut waiting: PendingCall, deadline: Instant, worker_return: Duration) -> Result<WorkerAnswer, Error> {
    match waiting.next(deadline, worker_return).await? {
        CallStep::Ended(answer) => Ok(answer),
        CallStep::Returned => panic!("the call was returned"),
    }
}

/// Opens calls of some tools, and queues them at a link.
fn queued<const N: usize>(calls: &PendingCalls, link: &LinkId, tools: [&str; N]) -> [(CallId, PendingCall); N] {
    let mut number = 0;
    tools.map(|tool| {
        number += 1;
        let call_id = CallId::from(format!("call_{number}"));
        let waiting = calls.open(call_id.clone(), scope("a"), tool, None);
        calls.queue(&call_id, link, &Gauge::default());
        (call_id, waiting)
    })
}

fn is_returned(waiting: &PendingCall) -> bool {
    matches!(waiting.stage(), Stage::Returned(_))
}

/// The end of a link whose worker sends its answers again.
fn resending() -> LinkEnd {
    LinkEnd { answer_wait: None, is_for_large_frame: false, has_stopped: false, instance: None }
}

#[tokio::test]
async fn only_calls_that_the_socket_does_not_have_are_returned_when_its_link_ends() {
    let calls = PendingCalls::default();
    let (link, other) = (LinkId::from("ended"), LinkId::from("other"));
    let [queued, taken, sent, elsewhere] = queued(&calls, &link, ["t"; 4]);
    assert!(calls.take(&taken.0, &link) && calls.take(&sent.0, &link));
    calls.sent(&sent.0, &link);
    calls.queue(&elsewhere.0, &other, &Gauge::default());
    calls.lose(&link, &resending());
    for (_, mut waiting) in [queued, taken] {
        assert!(matches!(waiting.next(soon(), Duration::MAX).await, Ok(CallStep::Returned)));
    }
    for (call_id, waiting) in [sent, elsewhere] {
        assert_eq!(calls.answer(&scope("a"), &call_id, failed("answered")), Receipt::Accepted);
        assert!(ended(waiting, soon(), Duration::MAX).await.is_ok());
    }
    assert_eq!(calls.table.lock().links(), 0, "nothing is kept of links without calls");
}

#[tokio::test]
async fn a_call_is_taken_by_the_connection_where_it_is_queued_and_once() {
    let calls = PendingCalls::default();
    let (one, other) = (LinkId::from("one"), LinkId::from("other"));
    let [first, second] = queued(&calls, &one, ["t"; 2]);
    calls.return_queued(&one);
    assert!(is_returned(&first.1) && is_returned(&second.1));
    assert!(!calls.take(&first.0, &one), "it was returned");
    calls.queue(&first.0, &other, &Gauge::default());
    assert!(!calls.take(&first.0, &one), "it is queued elsewhere");
    assert!(calls.take(&first.0, &other) && !calls.take(&first.0, &other));
    calls.return_queued(&other);
    assert!(!is_returned(&first.1), "a socket may have it");
    drop(second.1);
    assert!(!calls.take(&second.0, &one), "nobody waits for it");
}

#[tokio::test]
async fn returned_calls_of_one_tool_have_their_turns_in_the_order_in_which_they_were_made() {
    let calls = PendingCalls::default();
    let (one, other) = (LinkId::from("one"), LinkId::from("other"));
    let mut made = queued(&calls, &one, ["t", "t", "u", "t"]);
    // The order at the link does not matter: this one was there before.
    calls.queue(&made[0].0, &one, &Gauge::default());
    calls.return_queued(&one);
    let turn = |(_, waiting): &(CallId, PendingCall)| match waiting.stage() {
        Stage::Returned(turn) => turn.comes().now_or_never().is_some(),
        stage => panic!("{stage:?}"),
    };
    assert_eq!(made.each_ref().map(turn), [true, false, true, false]);
    calls.queue(&made[0].0, &other, &Gauge::default());
    assert!(turn(&made[1]) && !turn(&made[3]));
    // A caller that goes away holds up nobody.
    made[1].1.forget();
    assert!(!turn(&made[3]), "the place of the one before is still held");
    let [_, gone, _, last] = made;
    drop(gone);
    assert!(turn(&last));
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_worker_that_sends_no_answer_again_ends_early() {
    let calls = PendingCalls::default();
    let wait = Duration::from_secs(2);
    let plain = || LinkEnd { answer_wait: Some(wait), ..resending() };
    for (worker_return, expected) in [(Duration::MAX, wait), (PATIENCE, PATIENCE), (2 * wait, wait)] {
        let (waiting, began) = (sent(&calls, &"one".into()), Instant::now());
        calls.lose(&"one".into(), &plain());
        let error = ended(waiting, soon(), worker_return).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (ErrorKind::WorkerLost, expected), "{error}");
    }
    let waiting = sent(&calls, &"one".into());
    calls.lose(&"one".into(), &plain());
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("crossed")), Receipt::Accepted);
    assert!(ended(waiting, soon(), Duration::MAX).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_too_large_ends_the_only_call_that_it_can_answer() {
    let one = LinkId::from("one");
    let large = LinkEnd { is_for_large_frame: true, answer_wait: Some(PATIENCE), ..resending() };
    for (sent_calls, end, kind) in [
        (1, &large, ErrorKind::ToolFailed),
        (2, &large, ErrorKind::WorkerLost),
        (1, &LinkEnd { answer_wait: None, ..large.clone() }, ErrorKind::Timeout),
    ] {
        let calls = PendingCalls::default();
        let [first, second] = queued(&calls, &one, ["t"; 2]);
        for (call_id, _) in [&first, &second].into_iter().take(sent_calls) {
            assert!(calls.take(call_id, &one));
            calls.sent(call_id, &one);
        }
        calls.lose(&one, end);
        assert_eq!(ended(first.1, soon(), Duration::MAX).await.unwrap_err().kind(), kind);
        assert_eq!(is_returned(&second.1), sent_calls == 1);
    }
}

const PATIENCE: Duration = Duration::from_secs(1);

/// A call that this link's socket has.
fn sent(calls: &PendingCalls, link: &LinkId) -> PendingCall {
    let waiting = calls.open("c".into(), scope("a"), "t", None);
    calls.queue(&"c".into(), link, &Gauge::default());
    assert!(calls.take(&"c".into(), link));
    calls.sent(&"c".into(), link);
    waiting
}

fn end(calls: &PendingCalls, link: &LinkId) {
    calls.lose(link, &resending());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_lost_its_link_ends_when_its_caller_has_no_more_patience() {
    let (calls, began) = (PendingCalls::default(), Instant::now());
    let waiting = sent(&calls, &"one".into());
    end(&calls, &"other".into());
    tokio::time::advance(PATIENCE * 2).await;
    end(&calls, &"one".into());
    let error = ended(waiting, soon(), PATIENCE).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("within 1s")), (ErrorKind::WorkerLost, true), "{error}");
    assert_eq!(began.elapsed(), PATIENCE * 3);
    let waiting = sent(&calls, &"two".into());
    end(&calls, &"two".into());
    let error = ended(waiting, soon(), Duration::MAX).await.unwrap_err();
    assert!(error.to_string().contains("in time; the connection of its worker ended"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_tells_of_a_call_over_another_link_has_it() {
    let calls = PendingCalls::default();
    let waiting = sent(&calls, &"one".into());
    end(&calls, &"one".into());
    calls.seen(&scope("b"), &"c".into(), &"foreign".into());
    calls.seen(&scope("a"), &"c".into(), &"two".into());
    end(&calls, &"one".into());
    let told = async {
        tokio::time::sleep(PATIENCE * 2).await;
        calls.answer(&scope("a"), &"c".into(), failed("late, but told"))
    };
    let (answered, receipt) = tokio::join!(ended(waiting, soon(), PATIENCE), told);
    assert!(answered.is_ok() && receipt == Receipt::Accepted, "{answered:?}");
    let waiting = sent(&calls, &"one".into());
    end(&calls, &"one".into());
    calls.seen(&scope("a"), &"c".into(), &"two".into());
    end(&calls, &"two".into());
    let error = ended(waiting, soon(), PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerLost, "{error}");
}

/// The end of a link of this process.
fn end_of(calls: &PendingCalls, link: &str, instance: &str) {
    calls.lose(&link.into(), &LinkEnd { instance: Some(instance.to_owned()), ..resending() });
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_process_whose_place_another_one_takes_ends_early() {
    let (calls, wait) = (PendingCalls::default(), PATIENCE / 4);
    let (waiting, began) = (sent(&calls, &"one".into()), Instant::now());
    end_of(&calls, "one", "a");
    tokio::time::advance(wait).await;
    for (scope, instance) in [(scope("other"), "b"), (scope("a"), "a")] {
        calls.replaced(&scope, instance, wait);
        assert!(matches!(waiting.stage(), Stage::Lost(loss) if loss.answer_wait.is_none()), "{instance}");
    }
    let error = ended(waiting, soon(), PATIENCE).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (ErrorKind::WorkerLost, PATIENCE), "the process is back");

    let (waiting, began) = (sent(&calls, &"two".into()), Instant::now());
    end_of(&calls, "two", "a");
    tokio::time::advance(wait).await;
    calls.replaced(&scope("a"), "b", wait);
    let error = ended(waiting, soon(), PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("another process took the worker's place"), "{error}");
    assert_eq!(began.elapsed(), wait * 2);
}

#[tokio::test]
async fn nothing_is_kept_of_lost_calls_that_have_ended() {
    let calls = PendingCalls::default();
    let waiting = sent(&calls, &"one".into());
    end_of(&calls, "one", "a");
    calls.seen(&scope("a"), &"c".into(), &"two".into());
    assert_eq!(calls.table.lock().ended(), 0, "another connection has it");
    end_of(&calls, "two", "a");
    let kept = |table: &CallTable| (table.ended(), table.links());
    assert_eq!(kept(&calls.table.lock()), (1, 1));
    drop(waiting);
    assert_eq!(kept(&calls.table.lock()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_worker_that_stopped_says_so() {
    let calls = PendingCalls::default();
    let waiting = sent(&calls, &"one".into());
    calls.lose(&"one".into(), &LinkEnd { answer_wait: Some(PATIENCE), has_stopped: true, ..resending() });
    assert!(!waiting.may_be_answered());
    let error = ended(waiting, soon(), PATIENCE * 2).await.unwrap_err();
    assert!(error.to_string().contains("stopped before it answered"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_may_be_answered_late() {
    let calls = PendingCalls::default();
    let mut waiting = sent(&calls, &"one".into());
    end(&calls, &"one".into());
    assert!(waiting.next(soon(), PATIENCE).await.is_err() && waiting.may_be_answered());
    assert!(waiting.late_end(Instant::now() + PATIENCE).await.is_none());
    assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::Accepted);
    assert!(matches!(waiting.late_end(soon()).await, Some(Ok(WorkerAnswer::Failed { .. }))));
}

#[test]
fn debug_prints_neither_results_nor_messages() {
    let result = RawValue::from_string(r#""hidden""#.to_owned()).unwrap();
    let returned = format!("{:?}", WorkerAnswer::Returned { result, latency_ms: 7 });
    assert_eq!(returned, "Returned { result_bytes: 8, latency_ms: 7 }");
    assert_eq!(format!("{:?}", failed("hidden")), "Failed { message_bytes: 6 }");
}

#[tokio::test]
async fn stopping_ends_every_call() {
    let calls = PendingCalls::default();
    let waiting = calls.open("c".into(), scope("a"), "t", None);
    calls.fail_all(ErrorKind::Interrupted, "stopped");
    assert_eq!(ended(waiting, soon(), Duration::MAX).await.unwrap_err().kind(), ErrorKind::Interrupted);
}
