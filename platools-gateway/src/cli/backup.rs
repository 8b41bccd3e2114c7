//! `backup`, `restore`, `upgrade` and `downgrade`: copy, replace or migrate the data of a gateway.

use std::path::PathBuf;

use clap::Args;
use platools_gateway::{Restored, Upgraded};

use super::data_args::DataArgs;
use super::output::say;

#[derive(Debug, Args)]
pub(super) struct BackupTo {
    /// File to write. It must not exist.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreFrom {
    /// File that `backup` has written.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn backup(data: &DataArgs, options: &BackupTo) -> anyhow::Result<()> {
    let version = data.whole()?.backup(&options.file).await?;
    say(&format!("wrote the data, version {version}, into {}", options.file.display()))?;
    say(
        "not in it: keys that sign tokens, where they are in a file of their own in the data folder; copy that file as well",
    )
}

pub(super) async fn restore(data: &DataArgs, options: &RestoreFrom) -> anyhow::Result<()> {
    let Restored { version, kept, .. } = data.whole()?.restore(&options.file).await?;
    say(&format!("restored the data, version {version}; `serve` brings it up to this program's version"))?;
    match kept {
        Some(kept) => say(&format!("the data that was there is in {}", kept.display())),
        None => Ok(()),
    }
}

pub(super) async fn upgrade(data: &DataArgs) -> anyhow::Result<()> {
    let Some(Upgraded { from, to, kept, .. }) = data.whole()?.upgrade().await? else {
        return say("the data has this program's version already");
    };
    say(&format!("upgraded the data from version {from} to {to}"))?;
    say(&format!("the data as it was is in {}; `downgrade` puts it back", kept.display()))
}

pub(super) async fn downgrade(data: &DataArgs) -> anyhow::Result<()> {
    let Restored { version, kept, .. } = data.whole()?.downgrade().await?;
    say(&format!(
        "put back the data as it was before the upgrade, version {version}; use the program of before from now on"
    ))?;
    say(
        "all changes since the upgrade are undone: keys and secrets that were revoked or replaced since then are good again",
    )?;
    match kept {
        Some(kept) => say(&format!("the data with those changes is in {}", kept.display())),
        None => Ok(()),
    }
}
