//! `dev`: runs a gateway for development on one machine, and removes its data when it ends.

use std::net::SocketAddr;

use anyhow::ensure;
use clap::{Args, Command};
use platools_gateway::dev::{self, DevOptions, DevSecrets};
use platools_gateway::settings::DEFAULT_LISTEN;
use secrecy::{ExposeSecret as _, SecretString};

use super::flags::{DevSections, SettingFlags, print_help};
use super::output::say;
use crate::logs;
use crate::signals::{Hangup, Signals};

/// The text below the help.
const DEV_AFTER_HELP: &str = "\
The secrets are printed. To keep them from run to run, set PLATOOLS_GATEWAY_DEV_SECRET, PLATOOLS_GATEWAY_DEV_ADMIN_KEY and
PLATOOLS_GATEWAY_DEV_AGENT_KEY to at least 16 characters each.
Each flag with a heading is also a variable: --model-url is PLATOOLS_GATEWAY_MODEL_URL. --help-all lists all settings.";

/// Shortest secret that is taken from the environment, in bytes.
const SHORTEST_SECRET: usize = 16;

#[derive(Debug, Args)]
#[command(after_help = DEV_AFTER_HELP)]
pub(super) struct DevArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Take every caller at /ws for an operator, for clients that send no token. The admin key makes an admin.
    #[arg(long)]
    no_auth: bool,
    /// Let web pages use the gateway that are opened from files. Sandboxed frames of any web site may use it then, too.
    #[arg(long)]
    allow_file_pages: bool,
    /// Print help with all settings
    #[arg(long)]
    help_all: bool,
    #[command(flatten)]
    flags: SettingFlags<DevSections>,
}

pub(super) async fn run(options: DevArgs, program: Command) -> anyhow::Result<()> {
    if options.help_all {
        return print_help(program, "dev");
    }
    let settings = options.flags.load(None)?;
    let feed = logs::start(&settings.log)?;
    let signals = Signals::listen(Hangup::Stop)?;
    let secrets = secrets(|name| std::env::var(name).ok())?;
    if options.allow_file_pages {
        tracing::warn!("web pages without an origin may use the gateway: files, and sandboxed frames of any web site");
    }
    let setup = DevOptions {
        listen: options.listen,
        secrets: secrets.clone(),
        http: settings.http,
        no_auth: options.no_auth,
        file_pages: options.allow_file_pages,
        logs: Some(feed),
        chat: settings.chat,
        model: Some(settings.model).filter(|model| model.url.is_some()),
    };
    let gateway = dev::start(setup).await?;
    let announce = |link: &str| {
        // Without a standard output nobody reads the link, and the gateway goes on.
        let _ = say(&format!("console {link}"));
    };
    gateway.console_links(&secrets.admin, announce).await?;
    say(&format!("listening on {}", gateway.url()))?;
    say(&introduction(&gateway.url(), &secrets))?;
    Ok(signals.run(gateway, || ()).await?)
}

/// Random secrets, except for those that a variable of the environment keeps from run to run.
fn secrets(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<DevSecrets> {
    let mut secrets = DevSecrets::random();
    for (name, secret) in [
        ("PLATOOLS_GATEWAY_DEV_SECRET", &mut secrets.worker),
        ("PLATOOLS_GATEWAY_DEV_ADMIN_KEY", &mut secrets.admin),
        ("PLATOOLS_GATEWAY_DEV_AGENT_KEY", &mut secrets.agent),
    ] {
        if let Some(kept) = variable(name).filter(|kept| !kept.is_empty()) {
            ensure!(
                kept.len() >= SHORTEST_SECRET,
                "{name} is too short; it takes at least {SHORTEST_SECRET} characters"
            );
            *secret = SecretString::from(kept);
        }
    }
    Ok(secrets)
}

/// The introduction that `dev` prints: secrets, and lines to paste into the shells of a worker and of a caller.
fn introduction(url: &str, secrets: &DevSecrets) -> String {
    let [worker, admin, agent] = [&secrets.worker, &secrets.admin, &secrets.agent].map(|secret| secret.expose_secret());
    format!(
        "entity     {}\nsecret     {worker}\nadmin key  {admin}\nagent      {}\nagent key  {agent}\n\
         \n\
         # a worker:\nexport PLATOS_URL={url} PLATOS_SECRET={worker}\n\
         # a caller that may do everything:\nexport PLATOOLS_GATEWAY_URL={url} PLATOOLS_GATEWAY_KEY={admin}",
        dev::ENTITY,
        dev::AGENT,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_new_unless_a_variable_keeps_them() {
        let (one, other) = (secrets(|_| None).unwrap(), secrets(|_| Some(String::new())).unwrap());
        assert_ne!(one.admin.expose_secret(), other.admin.expose_secret());
        assert_ne!(one.worker.expose_secret(), other.worker.expose_secret());
        assert_ne!(one.agent.expose_secret(), other.agent.expose_secret());
        let kept = |name: &str| name.ends_with("ADMIN_KEY").then(|| "0123456789abcdef".to_owned());
        assert_eq!(secrets(kept).unwrap().admin.expose_secret(), "0123456789abcdef");
    }

    #[test]
    fn a_secret_that_is_easily_guessed_is_refused_and_not_repeated() {
        let error = secrets(|_| Some("guessed".to_owned())).unwrap_err().to_string();
        assert!(error.contains("PLATOOLS_GATEWAY_DEV_SECRET") && error.contains("16 characters"), "{error}");
        assert!(!error.contains("guessed"), "{error}");
    }
}
