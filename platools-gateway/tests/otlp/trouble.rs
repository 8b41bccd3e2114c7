//! Tests of collectors that are away or slow, and of gateways that stop.

use std::io::ErrorKind;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::collector::{Collector, Setup};
use crate::support::within;

/// A collector's port, and what comes there.
async fn silent_collector() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Waits for a request, and does not answer it.
async fn unanswered(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = within(listener.accept()).await.unwrap();
    within(stream.read_u8()).await.unwrap();
    stream
}

/// True while the gateway waits for an answer.
fn is_waited_for(stream: &TcpStream) -> bool {
    let mut rest = [0; 64 * 1024];
    loop {
        match stream.try_read(&mut rest) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

#[tokio::test]
async fn the_last_spans_are_sent_when_the_gateway_stops() {
    let collector = Collector::start().await;
    let mut setup = Setup::start(&collector.url, &[], &[]).await;
    for _ in 0..3 {
        setup.call(None).await;
    }
    setup.stop().await;
    assert_eq!(collector.spans().len(), 3);
}

#[tokio::test]
async fn calls_do_not_wait_for_a_collector_that_does_not_answer() {
    let (listener, url) = silent_collector().await;
    let mut setup = Setup::start(&url, &[], &[]).await;
    setup.call(None).await;
    let stream = unanswered(&listener).await;
    for _ in 0..10 {
        let (_, answer) = setup.call(None).await;
        assert_eq!(answer.status, 200);
    }
    assert!(is_waited_for(&stream), "the calls waited for the collector");
}

#[tokio::test]
async fn a_gateway_stops_without_a_collector_that_does_not_answer() {
    let (listener, url) = silent_collector().await;
    let mut setup = Setup::start(&url, &[], &[]).await;
    setup.call(None).await;
    let _stream = unanswered(&listener).await;
    setup.stop().await;
}

#[tokio::test]
async fn a_gateway_serves_and_stops_without_a_collector_that_is_away() {
    let (listener, url) = silent_collector().await;
    drop(listener);
    let mut setup = Setup::start(&url, &[], &[]).await;
    for _ in 0..3 {
        let (_, answer) = setup.call(None).await;
        assert_eq!(answer.status, 200);
    }
    let log = setup.stop().await;
    let complaints: Vec<_> = log.lines().filter(|line| line.contains("lost")).collect();
    assert!(!complaints.is_empty() && complaints.iter().all(|line| line.contains("Connection refused")), "{log}");
}
