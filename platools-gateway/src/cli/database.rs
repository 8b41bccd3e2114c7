//! `database`: copies the data of a gateway from a folder into a PostgreSQL database.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use platools_gateway::DataFolder;

use super::data_args::server;
use super::flags::{LogSection, SettingFlags};
use super::output::say;
use crate::logs;

#[derive(Debug, Subcommand)]
pub(super) enum DatabaseCommand {
    /// Copy the data of a folder into an empty PostgreSQL database. The gateway must be stopped.
    Copy {
        /// Folder of the data.
        #[arg(long, value_name = "FOLDER")]
        from: PathBuf,
        /// PostgreSQL database without tables. Its password may be in PLATOOLS_GATEWAY_DATABASE_PASSWORD.
        #[arg(long, value_name = "URL")]
        to: String,
        /// File with the password of the database's user.
        #[arg(long, value_name = "FILE", env = "PLATOOLS_GATEWAY_DATABASE_PASSWORD_FILE")]
        database_password_file: Option<PathBuf>,
    },
}

pub(super) async fn run(command: DatabaseCommand) -> anyhow::Result<()> {
    let DatabaseCommand::Copy { from, to, database_password_file } = command;
    let server = server(Some(&to), database_password_file)?.context("`--to` takes the URL of a database")?;
    logs::start(&SettingFlags::<LogSection>::none().load(None)?.log)?;
    DataFolder::new(&from).copy_to(&server).await?;
    say(&format!("copied the data into the database; start the gateway with `--database {}`", server.url))?;
    say("not in it: the keys that sign tokens; name their file with `signing_key_file`, or tokens that were signed end")
}
