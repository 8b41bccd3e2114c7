//! `backup`, `restore`, `upgrade` and `downgrade`: copy, replace or migrate the data of a gateway.

use std::path::PathBuf;

use clap::Args;
use platools_gateway::domain::database::{DataSource, UpgradedDatabase};
use platools_gateway::{DataFolder, Restored, Upgraded, upgrade_database};

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
    let version = data.folder()?.backup(&options.file).await?;
    say(&format!("wrote the data, version {version}, into {}", options.file.display()))?;
    say(
        "not in it: keys that sign tokens, where they are in a file of their own in the data folder; copy that file as well",
    )
}

pub(super) async fn restore(data: &DataArgs, options: &RestoreFrom) -> anyhow::Result<()> {
    let Restored { version, kept, .. } = data.folder()?.restore(&options.file).await?;
    say(&format!("restored the data, version {version}; `serve` brings it up to this program's version"))?;
    match kept {
        Some(kept) => say(&format!("the data that was there is in {}", kept.display())),
        None => Ok(()),
    }
}

pub(super) async fn upgrade(data: &DataArgs) -> anyhow::Result<()> {
    let current = "the data has this program's version already";
    let folder = match data.whole()? {
        DataSource::Folder(folder) => DataFolder::new(folder),
        DataSource::Postgres(server) => {
            return match upgrade_database(&server).await? {
                Some(UpgradedDatabase { from, to }) => say(&format!("upgraded the data from version {from} to {to}")),
                None => say(current),
            };
        }
    };
    let Some(Upgraded { from, to, kept, .. }) = folder.upgrade().await? else { return say(current) };
    say(&format!("upgraded the data from version {from} to {to}"))?;
    say(&format!("the data as it was is in {}; `downgrade` puts it back", kept.display()))
}

pub(super) async fn downgrade(data: &DataArgs) -> anyhow::Result<()> {
    let Restored { version, kept, .. } = data.folder()?.downgrade().await?;
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
