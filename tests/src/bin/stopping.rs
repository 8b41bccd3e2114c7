//! A worker that gets stop signals during its calls. Tests run it as a process.
//!
//! `THREADS` is the number of threads of its runtime; 0 means the thread of `main` alone. `DRAIN_LIMIT_MS` is its drain limit. With
//! `OWN_STOP` it handles no signals.

use std::time::Duration;

use platools::{Context, Error, Platools, tool, tools};
use tokio::runtime::Builder;

/// Take some time.
#[tool]
async fn slow(millis: u64, ctx: &Context) -> &'static str {
    ctx.progress(1.0).send();
    tokio::time::sleep(Duration::from_millis(millis)).await;
    "delivered"
}

/// Block a thread of the runtime for ever.
#[tool]
async fn block(ctx: &Context) {
    ctx.progress(1.0).send();
    // The report goes out before the thread is blocked.
    tokio::task::yield_now().await;
    for_ever()
}

/// Hold a thread of the blocking pool for ever.
#[tool(timeout = "100ms")]
fn hold() {
    for_ever()
}

fn for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn main() -> Result<(), Error> {
    let runtime = match number("THREADS").unwrap_or_default() {
        0 => Builder::new_current_thread().enable_all().build(),
        threads => {
            let threads = usize::try_from(threads).expect("a small number");
            Builder::new_multi_thread().worker_threads(threads).enable_all().build()
        }
    };
    let limit = number("DRAIN_LIMIT_MS").map_or(Duration::from_secs(30), Duration::from_millis);
    runtime.expect("a runtime").block_on(async {
        let client = Platools::from_env()?.tools(tools![slow, block, hold]).drain_limit(limit);
        match number("OWN_STOP") {
            None => client.connect().await,
            Some(_) => client.connect_until(std::future::pending::<()>()).await,
        }
    })
}
