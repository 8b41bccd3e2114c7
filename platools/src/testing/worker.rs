//! [`TestWorker`]: runs a client of the SDK beside a test, in the same process.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::patience::within;
use super::platform::TestPlatform;
use crate::client::{ClientHandle, PlatoolsClient, PlatoolsClientBuilder};
use crate::connection::{ConnectionState, Jitter, Reconnect};
use crate::registry::ToolRegistry;
use platools_transport::Error;

/// A client that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct TestWorker {
    handle: ClientHandle,
    run: JoinHandle<Result<(), Error>>,
}

impl TestWorker {
    /// Secret of the workers of [`builder`](Self::builder).
    pub const SECRET: &str = "a-secret-of-a-test";

    /// A client of these tools for the platform at `url`, which connects again after a millisecond.
    pub fn builder(url: &str, registry: &ToolRegistry) -> PlatoolsClientBuilder {
        let delay = Duration::from_millis(1);
        let reconnect = Reconnect::new().base(delay).max(delay).jitter(Jitter::None);
        PlatoolsClient::builder().url(url).secret(Self::SECRET).registry(registry.clone()).reconnect(reconnect)
    }

    /// Runs a client of these tools for a platform.
    ///
    /// # Panics
    /// A tool lacks state.
    #[must_use]
    pub fn connect(platform: &TestPlatform, registry: &ToolRegistry) -> Self {
        Self::start(Self::builder(&platform.url(), registry))
    }

    /// Runs a client.
    ///
    /// # Panics
    /// It cannot be built.
    #[must_use]
    pub fn start(client: PlatoolsClientBuilder) -> Self {
        let mut client = client.build().expect("a valid client");
        let handle = client.handle();
        Self { handle, run: tokio::spawn(async move { client.run_forever().await }) }
    }

    /// The client's handle.
    #[must_use]
    pub fn handle(&self) -> &ClientHandle {
        &self.handle
    }

    /// Waits for a state.
    ///
    /// # Panics
    /// It does not come.
    pub async fn reaches(&self, wanted: impl FnMut(&ConnectionState) -> bool) -> ConnectionState {
        let mut states = self.handle.watch_state();
        within(states.wait_for(wanted)).await.expect("the client lives").clone()
    }

    /// Waits for the end of the run.
    ///
    /// # Errors
    /// The client gave up.
    ///
    /// # Panics
    /// It has not ended.
    pub async fn ended(mut self) -> Result<(), Error> {
        within(&mut self.run).await.expect("a client does not panic")
    }
}

impl Drop for TestWorker {
    fn drop(&mut self) {
        self.run.abort();
    }
}
