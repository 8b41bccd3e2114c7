//! [`DataArgs`] and [`ProjectArgs`]: flags that name the data of a gateway, and a project in it.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use platools_gateway::admin::Admin;
use platools_gateway::core::Core;
use platools_gateway::domain::database::{DataSource, PostgresServer};
use platools_gateway::domain::project::ProjectName;
use platools_gateway::settings::{Settings, Sources};
use platools_gateway::{DataFolder, Error, SigningKeySource};

use super::flags::{LogSection, SettingFlags};
use crate::logs;

/// Flags for the place of the data: a folder, or a PostgreSQL database.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// Folder of the database.
    #[arg(long, global = true, value_name = "FOLDER", env = "PLATOOLS_GATEWAY_DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// File of the keys that sign tokens, if the gateway has them elsewhere than in the folder.
    #[arg(long, global = true, value_name = "FILE", env = "PLATOOLS_GATEWAY_SIGNING_KEY_FILE")]
    signing_key_file: Option<PathBuf>,
}

impl DataArgs {
    /// The data as a whole.
    pub(super) fn whole(&self) -> anyhow::Result<DataSource> {
        let source = self.source()?;
        logs::start(&SettingFlags::<LogSection>::none().load(None)?.log)?;
        Ok(source)
    }

    /// The folder of the data as a whole, for commands on its file.
    pub(super) fn folder(&self) -> anyhow::Result<DataFolder> {
        match self.whole()? {
            DataSource::Folder(folder) => Ok(DataFolder::new(folder)),
            DataSource::Postgres(_) => {
                bail!(
                    "this command is for a data folder; copy a PostgreSQL database with `pg_dump`, and put it back with `pg_restore`"
                )
            }
        }
    }

    /// The place of the signing keys: that of the gateway.
    fn signing_keys(&self) -> anyhow::Result<SigningKeySource> {
        let mut settings = Settings::load(&Sources { sections: Some(&[""]), ..Sources::default() })?;
        settings.signing_key_file.clone_from(&self.signing_key_file);
        Ok(SigningKeySource::from_settings(&settings)?)
    }

    fn source(&self) -> anyhow::Result<DataSource> {
        match (&self.data, self.database.server()?) {
            (Some(folder), None) => Ok(DataSource::Folder(folder.clone())),
            (None, Some(server)) => Ok(DataSource::Postgres(server)),
            (None, None) => bail!(
                "say where the gateway's data is: `--data FOLDER` or `--database URL`, or set PLATOOLS_GATEWAY_DATA or PLATOOLS_GATEWAY_DATABASE"
            ),
            (Some(_), Some(_)) => {
                bail!("`--data` and `--database` are both set, or their variables; remove one of the two")
            }
        }
    }

    /// Opens the data that a gateway has made, and does something with it.
    pub(super) async fn with<T>(&self, work: impl AsyncFnOnce(&Core) -> Result<T, Error>) -> anyhow::Result<T> {
        let core = Core::open_existing_with(&self.whole()?, self.signing_keys()?).await?;
        let done = work(&core).await;
        core.close().await;
        Ok(done?)
    }
}

/// Flags for a PostgreSQL database. Its password may be in PLATOOLS_GATEWAY_DATABASE_PASSWORD.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    /// PostgreSQL database, in place of the folder.
    #[arg(
        id = "database",
        long = "database",
        global = true,
        value_name = "URL",
        env = "PLATOOLS_GATEWAY_DATABASE",
        hide_env_values = true
    )]
    url: Option<String>,
    /// File with the password of the database's user.
    #[arg(
        id = "database_password_file",
        long = "database-password-file",
        global = true,
        value_name = "FILE",
        env = "PLATOOLS_GATEWAY_DATABASE_PASSWORD_FILE"
    )]
    password_file: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The database, if one was given.
    fn server(&self) -> anyhow::Result<Option<PostgresServer>> {
        server(self.url.as_deref(), self.password_file.clone())
    }
}

/// The database at a URL, with its password from a file or from the environment.
pub(super) fn server(url: Option<&str>, password_file: Option<PathBuf>) -> anyhow::Result<Option<PostgresServer>> {
    let mut settings = Settings::load(&Sources { sections: Some(&["database"]), ..Sources::default() })?.database;
    settings.url = url.filter(|url| !url.is_empty()).map(str::to_owned);
    settings.password_file = password_file;
    Ok(settings.server()?)
}

/// Flags for the place of the data, and for a project in it.
#[derive(Debug, Args)]
pub(super) struct ProjectArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The project. Default: the one that every gateway has, default/default.
    #[arg(long, global = true, value_name = "ORGANIZATION/PROJECT", env = "PLATOOLS_GATEWAY_PROJECT")]
    project: Option<ProjectName>,
}

impl ProjectArgs {
    /// The name of the project, if one was given.
    pub(super) fn name(&self) -> Option<&ProjectName> {
        self.project.as_ref()
    }

    /// The flags for the place of the data.
    pub(super) fn data(&self) -> &DataArgs {
        &self.data
    }

    /// Opens the data that a gateway has made, and does something with the directory of the project.
    pub(super) async fn with<T>(&self, work: impl AsyncFnOnce(Admin<'_>) -> Result<T, Error>) -> anyhow::Result<T> {
        let name = self.project.clone().unwrap_or_default();
        self.data.with(async |core| work(core.local_projects().admin(&name)?).await).await
    }
}
