//! Tests of the table of links, their queues and their takeovers.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures::future::join_all;
use platools_protocol::tool_sync::{Feature, Features};
use tokio::time::Instant;

use super::link::{NOTICES, QUEUE_CALLS};
use super::table::SPREAD;
use super::*;
use crate::catalog::DeclaredTools;
use crate::domain::error::ErrorKind;
use crate::domain::identity::{Identity, Policy};
use crate::domain::ids::CallId;
use crate::pending_calls::{CallSettings, CallStep, PendingCall, Stage, WorkerAnswer};

fn identity() -> Identity {
    Identity::sample()
}

/// A link of another entity.
fn attach_as(links: &Links, entity: &str) -> Link {
    let mut new = NewLink::sample(Policy::Supersede);
    new.admitted.identity.entity_id = entity.into();
    links.attach(new)
}

/// A link that has declared the tool of the calls.
fn attach(links: &Links) -> Link {
    attach_with(links, Policy::Supersede, Features::none())
}

fn attach_with(links: &Links, policy: Policy, features: Features) -> Link {
    let link = links.attach(NewLink { features, ..NewLink::sample(policy) });
    links.declare(&identity().scope(), link.fence().generation(), Arc::clone(&TOOLS));
    link
}

/// The link that gets the next call.
fn chosen(links: &Links) -> Option<Arc<LiveLink>> {
    links.choose(&identity().scope(), &TOOLS.tools[0].version())
}

static TOOLS: LazyLock<Arc<DeclaredTools>> = LazyLock::new(|| DeclaredTools::sample(0));

fn delivery(call_id: &str) -> Delivery {
    Delivery { call_id: call_id.into(), frame: CallFrame::new("{}".to_owned()) }
}

#[tokio::test]
async fn a_newer_link_closes_the_older_and_outlives_it() {
    let links = Links::default();
    let older = attach(&links);
    let newer = attach(&links);
    assert_eq!(older.closing().wait().await, Closing::Superseded);
    assert!(!older.fence().is_current());
    drop(older);
    assert!(newer.fence().is_current());
    assert_eq!(links.count(), 1);
    drop(newer);
    assert_eq!(links.count(), 0);
}

#[tokio::test]
async fn a_link_that_took_long_to_let_in_does_not_replace_one_that_came_later() {
    let links = Links::default();
    let earlier = NewLink::sample(Policy::Supersede);
    let newer = attach(&links);
    let late = links.attach(earlier);
    assert_eq!(late.closing().wait().await, Closing::Superseded);
    assert!(newer.fence().is_current() && !late.fence().is_current());
    drop(late);
    assert_eq!(links.count(), 1);
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + std::time::Duration::from_secs(5)
}

/// Opens a call and queues it at the live link.
fn call(links: &Links, call_id: &str) -> (Result<(), Refused>, PendingCall) {
    let waiting = links.calls.open(call_id.into(), identity().scope(), "t", None);
    (chosen(links).unwrap().deliver(delivery(call_id)), waiting)
}

#[tokio::test]
async fn calls_that_were_not_sent_are_returned_when_the_link_goes_also_those_taken_off_the_queue() {
    let links = Links::default();
    let mut link = attach(&links);
    let calls = ["sent", "taken", "queued"].map(|id| call(&links, id).1);
    let Some(Order::Call(sent)) = link.next().await else { panic!("a call is queued") };
    link.sent(&sent.call_id);
    assert_eq!(link.queued_delivery().unwrap().call_id, "taken".into());
    drop(link);
    let [mut sent, taken, queued] = calls;
    for mut waiting in [taken, queued] {
        assert!(matches!(waiting.next(soon(), Duration::MAX).await, Ok(CallStep::Returned)));
    }
    links.calls.answer(
        &identity().scope(),
        &"sent".into(),
        WorkerAnswer::Failed { message: String::new(), details: None, traceback: None },
    );
    assert!(matches!(sent.next(soon(), Duration::MAX).await, Ok(CallStep::Ended(_))));
}

#[tokio::test]
async fn a_worker_that_stops_is_sent_none_of_the_calls_that_wait_for_its_socket() {
    let links = Links::default();
    let mut link = attach(&links);
    let calls = ["taken", "queued"].map(|id| call(&links, id).1);
    assert_eq!(link.queued_delivery().unwrap().call_id, "taken".into());
    link.fence().note_drain();
    let [taken, mut queued] = calls;
    assert!(matches!(queued.next(soon(), Duration::MAX).await, Ok(CallStep::Returned)));
    assert!(matches!(taken.stage(), Stage::Taken { .. }), "the socket may have it by now");
    assert!(link.queued_delivery().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_races_with_the_end_of_the_link_is_returned() {
    for _ in 0..1000 {
        let links = Links::default();
        let link = attach(&links);
        let live = chosen(&links).unwrap();
        let mut waiting = links.calls.open("c".into(), identity().scope(), "t", None);
        let ending = tokio::task::spawn_blocking(move || drop(link));
        match live.deliver(delivery("c")) {
            Ok(()) => assert!(matches!(waiting.next(soon(), Duration::MAX).await, Ok(CallStep::Returned))),
            Err(refused) => assert_eq!(refused, Refused::Ended),
        }
        ending.await.unwrap();
    }
}

#[tokio::test]
async fn a_call_nobody_waits_for_is_not_delivered() {
    let links = Links::default();
    let mut link = attach(&links);
    drop(call(&links, "abandoned").1);
    let _awaited = call(&links, "awaited");
    assert!(matches!(link.next().await, Some(Order::Call(next)) if next.call_id == "awaited".into()));
    drop(call(&links, "abandoned").1);
    let _polled = call(&links, "polled");
    assert_eq!(link.queued_delivery().unwrap().call_id, "polled".into());
    assert_eq!(chosen(&links).unwrap().socket().unwrap().queued_bytes.value(), 0);
}

/// A stage at which the socket of a link has the call.
fn sent_over(link: &Link) -> Stage {
    Stage::Sent { link: link.id().clone() }
}

/// True if a link gets the notice that a call is cancelled.
fn is_told(link: &mut Link) -> bool {
    link.noticed.try_recv().is_ok()
}

#[tokio::test]
async fn only_workers_that_know_what_is_meant_are_told() {
    let links = Links::default();
    let told = |features: Features| {
        let mut link = attach_with(&links, Policy::Supersede, features);
        links.cancel(&identity().scope(), &"c".into(), &sent_over(&link));
        is_told(&mut link)
    };
    assert!(told(Features::all()));
    assert!(!told(Features::none()));
    assert!(!told([Feature::Drain].into_iter().collect()));
}

/// A link of a pool.
fn attach_to_pool(links: &Links) -> Link {
    attach_with(links, Policy::Pool, Features::all())
}

#[tokio::test(start_paused = true)]
async fn of_a_pool_only_the_worker_that_may_have_a_call_is_told_that_nobody_waits() {
    let links = Links::default();
    let mut pool: Vec<_> = (0..4).map(|_| attach_to_pool(&links)).collect();
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut waiting = links.calls.open("c".into(), identity().scope(), "t", None);
    chosen(&links).unwrap().deliver(delivery("c")).unwrap();
    let cancel = |waiting: &PendingCall| links.cancel(&identity().scope(), &"c".into(), &waiting.stage());
    cancel(&waiting);
    assert!(!pool.iter_mut().any(is_told), "no socket has it");

    let holder = pool.iter().position(|link| link.queued() == 1).unwrap();
    pool[holder].queued_delivery().unwrap();
    pool[holder].sent(&"c".into());
    cancel(&waiting);
    assert_eq!(pool.iter_mut().map(is_told).collect::<Vec<_>>(), (0..4).map(|at| at == holder).collect::<Vec<_>>());

    tokio::time::advance(Duration::from_secs(1)).await;
    drop(pool.remove(holder));
    cancel(&waiting);
    assert!(!pool.iter_mut().any(is_told), "these were there before");
    let mut successor = attach_to_pool(&links);
    cancel(&waiting);
    assert!(is_told(&mut successor) && !pool.iter_mut().any(is_told));
    waiting.forget();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_took_the_place_of_its_own_link_is_told_that_nobody_waits_for_a_call() {
    let links = Links::default();
    let mut link = attach(&links);
    let waiting = call(&links, "c").1;
    link.queued_delivery().unwrap();
    link.sent(&"c".into());
    let mut successor = attach_with(&links, Policy::Supersede, Features::all());
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(link);
    links.cancel(&identity().scope(), &"c".into(), &waiting.stage());
    assert!(is_told(&mut successor));
}

async fn find_or_wait(links: &Links, deadline: Instant) -> Result<Arc<LiveLink>, ErrorKind> {
    let link = links.link_for(&identity().scope(), &TOOLS.tools[0].version(), Instant::now(), deadline).await;
    link.map_err(|error| error.kind())
}

/// The wait of a call that was made now.
async fn wait_for_link(links: &Links) -> Result<Arc<LiveLink>, ErrorKind> {
    find_or_wait(links, soon()).await
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_worker_that_is_reconnecting_and_no_longer_than_the_setting_says() {
    let links = Links::default();
    drop(attach(&links));
    let (began, waiting) = (Instant::now(), wait_for_link(&links));
    let coming = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        attach(&links)
    };
    let (found, link) = tokio::join!(waiting, coming);
    assert_eq!((found.unwrap().id.clone(), began.elapsed()), (link.id.clone(), Duration::from_secs(1)));

    link.fence().note_drain();
    let (began, found) = (Instant::now(), wait_for_link(&links).await);
    assert_eq!((found.unwrap_err(), began.elapsed()), (ErrorKind::WorkerOffline, Duration::from_secs(2)));
    let began = Instant::now();
    let early = began + Duration::from_millis(10);
    let found = find_or_wait(&links, early).await;
    assert_eq!((found.unwrap_err(), began.elapsed()), (ErrorKind::WorkerOffline, Duration::from_millis(10)));
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_for_a_worker_that_is_gone_for_long_or_when_the_gateway_stops_or_when_it_is_not_to() {
    let mut links = Links::default();
    drop(attach(&links));
    let at_once = async |links: &Links| {
        let (began, found) = (Instant::now(), wait_for_link(links).await);
        assert_eq!((found.unwrap_err(), began.elapsed()), (ErrorKind::WorkerOffline, Duration::ZERO));
    };
    tokio::time::advance(Duration::from_secs(60)).await;
    at_once(&links).await;
    drop(attach(&links));
    let settings = CallSettings { wait_for_worker: Duration::ZERO, ..CallSettings::default() };
    let before = std::mem::replace(&mut links.settings, settings);
    tokio::time::timeout(Duration::from_millis(1), at_once(&links)).await.unwrap();
    links.settings = before;
    links.close_all(Closing::ShuttingDown);
    at_once(&links).await;
}

#[tokio::test]
async fn a_worker_that_stops_gets_no_more_calls() {
    let links = Links::default();
    let link = attach(&links);
    link.fence().note_drain();
    assert!(chosen(&links).is_none());
    assert_eq!(links.count(), 1, "it answers the calls it has");
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_waiting() {
    let links = Links::default();
    let mut link = attach(&links);
    let _calls: Vec<_> = (0..QUEUE_CALLS)
        .map(|number| {
            let (queued, waiting) = call(&links, &number.to_string());
            queued.unwrap();
            waiting
        })
        .collect();
    assert_eq!(call(&links, "more").0, Err(Refused::Busy));
    assert!(link.queued_delivery().is_some());
    call(&links, "more").0.unwrap();
}

#[test]
fn debug_does_not_print_arguments() {
    let frame = CallFrame::new(r#"{"card":"hidden"}"#.to_owned());
    let printed = format!("{:?}", Delivery { call_id: "c".into(), frame });
    assert!(printed.contains("bytes: 17") && !printed.contains("hidden"), "{printed}");
}

#[tokio::test]
async fn links_that_attach_while_stopping_are_closed() {
    let links = Links::default();
    links.close_all(Closing::ShuttingDown);
    assert_eq!(attach(&links).closing().wait().await, Closing::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn links_are_closed_one_after_the_other_when_the_gateway_stops() {
    let links = Links::default();
    let attached: Vec<_> = (0..200).map(|number| attach_as(&links, &format!("ent_{number}"))).collect();
    let begun = Instant::now();
    let closed = attached.iter().map(async |link| {
        assert_eq!(link.closing().wait().await, Closing::ShuttingDown);
        begun.elapsed()
    });
    let ((), mut moments) = tokio::join!(links.close_spread(Closing::ShuttingDown), join_all(closed));
    moments.sort_unstable();
    assert!(*moments.last().unwrap() <= SPREAD * 200, "{moments:?}");
    // Random moments of 600 ms: a tenth of them all in one twentieth of the time would be no spread.
    let crowd = moments.windows(20).map(|some| some[19] - some[0]).min().unwrap();
    assert!(moments[199] - moments[0] > SPREAD * 100 && crowd > Duration::from_millis(5), "{moments:?}");
    assert_eq!(attach(&links).closing().wait().await, Closing::ShuttingDown);
}

#[test]
fn debug_does_not_print_the_secret() {
    let links = Links::default();
    let _link = links.attach(NewLink { secret: "plt_hidden".to_owned().into(), ..NewLink::sample(Policy::Supersede) });
    assert!(!format!("{links:?}").contains("plt_hidden"));
}

#[tokio::test]
async fn a_link_that_does_not_read_collects_a_bounded_number_of_cancellations_and_still_learns_of_the_drain() {
    let links = Links::default();
    let features = Features::from_iter([Feature::Cancel, Feature::Drain]);
    let mut link = attach_with(&links, Policy::Supersede, features);
    for number in 0..2 * NOTICES {
        let call_id = CallId::from(format!("call_{number}"));
        links.cancel(&identity().scope(), &call_id, &sent_over(&link));
    }
    links.notify_all(&Notice::Drain { deadline: None });
    for _ in 0..NOTICES {
        assert!(matches!(link.next().await, Some(Order::Notice(Notice::Cancel { .. }))));
    }
    assert!(matches!(link.next().await, Some(Order::Notice(Notice::Drain { .. }))));
}
