//! `serve`: a gateway for real.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use platools_gateway::Gateway;

use super::output::{say, say_once};
use crate::signals::Signals;

pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:3100";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder of the database; made if it is not there.
    #[arg(long, value_name = "FOLDER", env = "PLATOOLS_GATEWAY_DATA")]
    data: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    listen: SocketAddr,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let gateway = Gateway::builder().data_folder(options.data).listen(options.listen).start().await?;
    if let Some(key) = gateway.first_admin_key().await? {
        say_once("admin key", &key)?;
    }
    say(&format!("listening on {}", gateway.url()))?;
    signals.run(gateway).await
}
