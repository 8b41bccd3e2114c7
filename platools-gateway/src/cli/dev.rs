//! `dev`: a gateway for a machine of one's own.

use std::net::SocketAddr;

use clap::Args;
use platools_gateway::dev::{self, DevOptions};

use super::output::say;
use crate::logs;
use crate::settings::{DEFAULT_LISTEN, GivenChat, GivenLog, GivenModel, Log};
use crate::signals::{Hangup, Signals};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Take every caller at /ws for an operator, for clients that send no token.
    #[arg(long)]
    no_auth: bool,
    #[command(flatten)]
    chat: GivenChat,
    #[command(flatten)]
    model: GivenModel,
    #[command(flatten)]
    log: GivenLog,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let feed = logs::start(&Log::load(options.log)?)?;
    let signals = Signals::listen(Hangup::Stop)?;
    let setup = DevOptions::default().listen(options.listen).logs(feed).chat(options.chat.complete()?.settings());
    let setup = if options.no_auth { setup.no_auth() } else { setup };
    let model = options.model.complete()?.settings();
    let gateway = dev::start(model.into_iter().fold(setup, DevOptions::model)).await?;
    say(&format!("listening on {}", gateway.url()))?;
    for (what, value) in [
        ("entity", dev::ENTITY),
        ("secret", dev::SECRET),
        ("admin key", dev::ADMIN_KEY),
        ("agent", dev::AGENT),
        ("agent key", dev::AGENT_KEY),
    ] {
        say(&format!("{what:<9}  {value}"))?;
    }
    signals.run(gateway, || ()).await
}
