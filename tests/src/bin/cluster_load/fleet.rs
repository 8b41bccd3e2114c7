//! Measures many workers over three gateways: the memory of each gateway, and the time until all workers are back after one gateway is killed.

use std::time::Duration;

use platools_tests::cluster::{Installation, LoadWorkers};
use tokio::time::{Instant, sleep};

use super::figures::resident_bytes;

/// Prints the figures.
pub(crate) async fn measure(count: usize) {
    let mut installation = Installation::start("fleet", 3).await;
    let balancer = installation.balancer().await;
    let empty = memory(&installation);
    let began = Instant::now();
    let _workers = LoadWorkers::start(&installation, &balancer.url(), count).await;
    println!("{count} workers are registered after {:.1?}", began.elapsed());
    sleep(Duration::from_secs(5)).await;
    let full = memory(&installation);
    for (number, (empty, full)) in empty.iter().zip(&full).enumerate() {
        let each = (full - empty) / count as u64;
        println!("gateway {}: {} MiB, {each} bytes for each worker of all", number + 1, full / (1024 * 1024));
    }
    installation.gateway_mut(2).kill().await;
    let began = Instant::now();
    loop {
        let mut links = 0;
        for number in [1, 3] {
            let status = installation.admin(number).get("/v1/cluster").await;
            let members = status.body["gateways"].as_array().cloned().unwrap_or_default();
            let own = members.iter().find(|member| member["gateway"] == number);
            links += own.and_then(|member| member["workers"].as_u64()).unwrap_or_default();
        }
        if links >= count as u64 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    println!("all are back {:.1?} after a gateway was killed", began.elapsed());
}

/// The memory of each gateway, in bytes.
fn memory(installation: &Installation) -> Vec<u64> {
    installation.gateways().iter().map(|gateway| resident_bytes(gateway.id().expect("it runs"))).collect()
}
