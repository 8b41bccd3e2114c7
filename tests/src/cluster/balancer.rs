//! [`Balancer`]: spreads connections over the gateways that are ready, as a load balancer does.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::tcp_relay::{Target, connect, open};
use crate::http_client;

/// The interval of looks at `/ready`.
const LOOK: Duration = Duration::from_millis(200);

/// A port of loopback in front of several gateways. New connections go to those that are ready, in turn; those that are open stay.
#[derive(Debug)]
pub struct Balancer {
    port: u16,
    tasks: [JoinHandle<()>; 2],
}

impl Balancer {
    /// Listens in front of the gateways at these URLs.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start(urls: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (ready, is_ready) = watch::channel(Vec::new());
        Self { port, tasks: [tokio::spawn(look(urls, ready)), tokio::spawn(serve(listener, is_ready))] }
    }

    /// The URL of workers and callers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Keeps the ports of the gateways that are ready.
async fn look(urls: Vec<String>, ready: watch::Sender<Vec<u16>>) {
    let http = http_client();
    loop {
        let mut ports = Vec::new();
        for url in &urls {
            let answer = http.get(format!("{url}/ready")).timeout(Duration::from_secs(1)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                ports.extend(url.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()));
            }
        }
        ready.send_replace(ports);
        sleep(LOOK).await;
    }
}

async fn serve(listener: TcpListener, ready: watch::Receiver<Vec<u16>>) {
    let (mut connections, turn) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let ports = ready.borrow().clone();
        if !ports.is_empty() {
            let port = ports[turn.fetch_add(1, Ordering::Relaxed) % ports.len()];
            connections.spawn(connect(client, Target::Port(port), open()));
        }
    }
}
