use futures::future::join_all;
use platools::wire::Feature;

use super::*;
use crate::core::calls::{Outcome, Waiting};
use crate::core::error::{Error, ErrorKind};

fn identity() -> Identity {
    Identity::sample()
}

fn admitted() -> Admitted {
    Admitted { identity: identity(), credential: Credential::Secret("sec".into()), policy: Policy::Supersede }
}

/// A link of another entity.
fn attach_as(workers: &Workers, entity: &str) -> Link {
    let mut admitted = admitted();
    admitted.identity.entity_id = entity.into();
    workers.attach(Arrival::now(), admitted, "secret".to_owned().into(), Features::none(), None)
}

fn attach(workers: &Workers) -> Link {
    workers.attach(Arrival::now(), admitted(), "secret".to_owned().into(), Features::none(), None)
}

fn delivery(call_id: &str) -> Delivery {
    Delivery {
        call_id: call_id.into(),
        tool_name: "t".to_owned(),
        params: SignedParams::in_frame("{}".to_owned(), 0..2),
    }
}

#[tokio::test]
async fn a_newer_link_closes_the_older_and_outlives_it() {
    let workers = Workers::default();
    let older = attach(&workers);
    let newer = attach(&workers);
    assert_eq!(older.closing().wait().await, Closing::Superseded);
    assert!(!older.fence().is_current());
    drop(older);
    assert!(newer.fence().is_current());
    assert_eq!(workers.count(), 1);
    drop(newer);
    assert_eq!(workers.count(), 0);
}

#[tokio::test]
async fn a_link_that_took_long_to_let_in_does_not_replace_one_that_came_later() {
    let workers = Workers::default();
    let earlier = Arrival::now();
    let newer = attach(&workers);
    let late = workers.attach(earlier, admitted(), "secret".to_owned().into(), Features::none(), None);
    assert_eq!(late.closing().wait().await, Closing::Superseded);
    assert!(newer.fence().is_current() && !late.fence().is_current());
    drop(late);
    assert_eq!(workers.count(), 1);
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + std::time::Duration::from_secs(5)
}

/// Opens a call and queues it at the live link.
fn call(workers: &Workers, call_id: &str) -> (Result<(), Error>, Waiting) {
    let waiting = workers.calls.open(call_id.into(), identity().scope(), None);
    (workers.find(&identity().scope()).unwrap().deliver(delivery(call_id)), waiting)
}

#[tokio::test]
async fn calls_that_were_not_sent_fail_when_the_link_goes_also_those_taken_off_the_queue() {
    let workers = Workers::default();
    let mut link = attach(&workers);
    let calls = ["sent", "taken", "queued"].map(|id| call(&workers, id).1);
    let Some(Order::Call(sent)) = link.next().await else { panic!("a call is queued") };
    link.sent(&sent.call_id);
    assert_eq!(link.queued_delivery().unwrap().call_id, "taken".into());
    drop(link);
    let [sent, taken, queued] = calls;
    for waiting in [taken, queued] {
        assert_eq!(waiting.until(soon(), None).await.unwrap_err().kind(), ErrorKind::WorkerOffline);
    }
    workers.calls.answer(
        &identity().scope(),
        &"sent".into(),
        Outcome::Failed { message: String::new(), details: None },
    );
    assert!(sent.until(soon(), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_races_with_the_end_of_the_link_is_answered() {
    for _ in 0..1000 {
        let workers = Workers::default();
        let link = attach(&workers);
        let live = workers.find(&identity().scope()).unwrap();
        let waiting = workers.calls.open("c".into(), identity().scope(), None);
        let ending = tokio::task::spawn_blocking(move || drop(link));
        if live.deliver(delivery("c")).is_ok() {
            assert_eq!(waiting.until(soon(), None).await.unwrap_err().kind(), ErrorKind::WorkerOffline);
        }
        ending.await.unwrap();
    }
}

#[tokio::test]
async fn a_call_nobody_waits_for_is_not_delivered() {
    let workers = Workers::default();
    let mut link = attach(&workers);
    drop(call(&workers, "abandoned").1);
    let _awaited = call(&workers, "awaited");
    assert!(matches!(link.next().await, Some(Order::Call(next)) if next.call_id == "awaited".into()));
    drop(call(&workers, "abandoned").1);
    let _polled = call(&workers, "polled");
    assert_eq!(link.queued_delivery().unwrap().call_id, "polled".into());
    assert_eq!(workers.find(&identity().scope()).unwrap().queued_bytes.value(), 0);
}

#[tokio::test]
async fn only_workers_that_know_what_is_meant_are_told() {
    let workers = Workers::default();
    let told = |features: Features| {
        let mut link = workers.attach(Arrival::now(), admitted(), "secret".to_owned().into(), features, None);
        workers.notify(&identity().scope(), &Notice::Cancel { call_id: "c".into() });
        link.noticed.try_recv().is_ok()
    };
    assert!(told(Features::all()));
    assert!(!told(Features::none()));
    assert!(!told([Feature::Drain].into_iter().collect()));
}

#[tokio::test]
async fn a_worker_that_stops_gets_no_more_calls() {
    let workers = Workers::default();
    let link = attach(&workers);
    link.fence().leaves();
    assert!(workers.find(&identity().scope()).is_none());
    assert_eq!(workers.count(), 1, "it answers the calls it has");
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_waiting() {
    let workers = Workers::default();
    let mut link = attach(&workers);
    let _calls: Vec<_> = (0..QUEUE_CALLS)
        .map(|number| {
            let (queued, waiting) = call(&workers, &number.to_string());
            queued.unwrap();
            waiting
        })
        .collect();
    assert_eq!(call(&workers, "more").0.unwrap_err().kind(), ErrorKind::WorkerBusy);
    assert!(link.queued_delivery().is_some());
    call(&workers, "more").0.unwrap();
}

#[test]
fn debug_does_not_print_arguments() {
    let params = SignedParams::in_frame(r#"{"card":"hidden"}"#.to_owned(), 0..17);
    assert!(!format!("{params:?}").contains("hidden"));
    let delivery = Delivery { call_id: "c".into(), tool_name: "t".to_owned(), params };
    let printed = format!("{delivery:?}");
    assert!(printed.contains("params_bytes: 17") && !printed.contains("hidden"), "{printed}");
}

#[tokio::test]
async fn links_that_attach_while_stopping_are_closed() {
    let workers = Workers::default();
    workers.close_all(Closing::ShuttingDown);
    assert_eq!(attach(&workers).closing().wait().await, Closing::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn links_are_closed_one_after_the_other_when_the_gateway_stops() {
    let workers = Workers::default();
    let links: Vec<_> = (0..200).map(|number| attach_as(&workers, &format!("ent_{number}"))).collect();
    let begun = Instant::now();
    let closed = links.iter().map(async |link| {
        assert_eq!(link.closing().wait().await, Closing::ShuttingDown);
        begun.elapsed()
    });
    let ((), mut moments) = tokio::join!(workers.close_spread(Closing::ShuttingDown), join_all(closed));
    moments.sort_unstable();
    assert!(*moments.last().unwrap() <= SPREAD * 200, "{moments:?}");
    // Random moments of 600 ms: a tenth of them all in one twentieth of the time would be no spread.
    let crowd = moments.windows(20).map(|some| some[19] - some[0]).min().unwrap();
    assert!(moments[199] - moments[0] > SPREAD * 100 && crowd > Duration::from_millis(5), "{moments:?}");
    assert_eq!(attach(&workers).closing().wait().await, Closing::ShuttingDown);
}

#[test]
fn debug_does_not_print_the_secret() {
    let workers = Workers::default();
    let _link = workers.attach(Arrival::now(), admitted(), "plt_hidden".to_owned().into(), Features::none(), None);
    assert!(!format!("{workers:?}").contains("plt_hidden"));
}

#[tokio::test]
async fn a_link_that_does_not_read_collects_a_bounded_number_of_cancellations_and_still_learns_of_the_drain() {
    let workers = Workers::default();
    let features = Features::from_iter([Feature::Cancel, Feature::Drain]);
    let mut link = workers.attach(Arrival::now(), admitted(), "secret".to_owned().into(), features, None);
    for number in 0..2 * NOTICES {
        workers.notify(&identity().scope(), &Notice::Cancel { call_id: format!("call_{number}").as_str().into() });
    }
    workers.notify_all(&Notice::Drain { deadline: Duration::from_secs(1) });
    for _ in 0..NOTICES {
        assert!(matches!(link.next().await, Some(Order::Notice(Notice::Cancel { .. }))));
    }
    assert!(matches!(link.next().await, Some(Order::Notice(Notice::Drain { .. }))));
}
