//! Tests of the shutdown of a gateway.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use platools_gateway::{Gateway, dev};

use crate::support::{Dial, dev_gateway, viewer, within};

/// A connection over which a request went, or a part of one.
async fn connection(gateway: &Gateway, request: &str) -> TcpStream {
    let mut stream = within(TcpStream::connect(gateway.address())).await.unwrap();
    within(stream.write_all(request.as_bytes())).await.unwrap();
    stream
}

#[tokio::test]
async fn a_dropped_gateway_serves_nobody_any_more() {
    let gateway = dev_gateway().await;
    let address = gateway.address();
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let mut kept_alive = connection(&gateway, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    within(kept_alive.read_u8()).await.unwrap();
    drop(gateway);
    assert_eq!(worker.closed().await.0, 1001);
    let mut rest = Vec::new();
    within(kept_alive.read_to_end(&mut rest)).await.unwrap();
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn half_a_request_does_not_hold_up_the_stop() {
    let gateway = dev_gateway().await;
    let _idle = connection(&gateway, "").await;
    let _half = connection(&gateway, "GET /health HTTP/1.1\r\nHos").await;
    // So that the gateway has taken both on.
    Dial::to(&gateway, "/ws/sdk").secret(dev::SECRET).welcomed().await.leave().await;
    let begun = Instant::now();
    within(gateway.shutdown()).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_file_named_lock_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lock");
    std::fs::write(&file, "mine").unwrap();
    within(within(Gateway::builder().data_folder(folder.path()).start()).await.unwrap().shutdown()).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

/// A load balancer asks `/ready`, and needs a while to send its clients elsewhere.
#[tokio::test]
async fn within_the_stop_delay_the_gateway_is_not_ready_and_serves_everything() {
    let hour = Duration::from_secs(60 * 60);
    let gateway = within(Gateway::builder().stop_delay(hour).start()).await.unwrap();
    let caller = viewer(&gateway).await;
    let stopping = tokio::spawn(async move { gateway.shutdown().await });
    within(async { while caller.get("/ready").await.status != 503 {} }).await;
    assert_eq!(caller.get("/health").await.status, 200);
    assert_eq!(caller.get("/v1/tools").await.status, 200, "a new connection and a new request");
    // Dropped, it ends at once.
    stopping.abort();
}
