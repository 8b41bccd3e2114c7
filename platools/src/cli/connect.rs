//! The commands `run` and `connect`: [`run`] serves a platform, and [`check`] checks the settings for it.

use std::process::ExitCode;

use crate::client::{Platools, PlatoolsClientBuilder};
use crate::registry::ToolRegistry;
use platools_transport::Error;

/// Settings of the program for its client.
pub(super) type SetClient = Box<dyn FnOnce(PlatoolsClientBuilder) -> PlatoolsClientBuilder + Send>;

/// Serves the platform until a signal stops the worker.
pub(super) async fn run(set_client: SetClient, registry: ToolRegistry) -> Result<ExitCode, Error> {
    client(set_client, &registry)?.connect().await?;
    Ok(ExitCode::SUCCESS)
}

/// Checks the settings of `run` and the tools, without a connection.
pub(super) fn check(set_client: SetClient, registry: &ToolRegistry) -> Result<ExitCode, Error> {
    client(set_client, registry)?.build()?;
    let (tools, fingerprint) = (registry.len(), registry.fingerprint());
    eprintln!("ready to connect: {tools} tools, fingerprint {fingerprint}; nothing was sent");
    Ok(ExitCode::SUCCESS)
}

fn client(set_client: SetClient, registry: &ToolRegistry) -> Result<PlatoolsClientBuilder, Error> {
    Ok(set_client(Platools::from_env()?.registry(registry.clone())))
}
