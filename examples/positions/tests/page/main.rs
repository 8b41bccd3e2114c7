//! Tests of the example's page and of the hook `useWebSocket` in a browser. `tests/setup` installs the browser and the libraries.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod hook;
mod page;
mod rules;
mod scripted;
mod site;

use std::time::Duration;

use tokio::time::timeout;

/// Step of the prices.
const PACE: Duration = Duration::from_millis(100);

/// Bound of each wait, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits for something that happens.
async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it does not happen")
}
