//! [`DataArgs`] and [`ProjectArgs`]: the flags of commands on data, for the folder and for a project in it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use platools_gateway::admin::Admin;
use platools_gateway::core::Core;
use platools_gateway::domain::project::ProjectName;
use platools_gateway::settings::{Settings, Sources};
use platools_gateway::{DataFolder, Error, SigningKeySource};

use super::flags::{LogSection, SettingFlags};
use crate::logs;

/// Flags for the folder of the data.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// Folder of the database.
    #[arg(long, global = true, value_name = "FOLDER", env = "PLATOOLS_GATEWAY_DATA")]
    data: Option<PathBuf>,
    /// File of the keys that sign tokens, if the gateway has them elsewhere than in the folder.
    #[arg(long, global = true, value_name = "FILE", env = "PLATOOLS_GATEWAY_SIGNING_KEY_FILE")]
    signing_key_file: Option<PathBuf>,
}

impl DataArgs {
    /// The data as a whole.
    pub(super) fn whole(&self) -> anyhow::Result<DataFolder> {
        let data = self.path()?;
        logs::start(&SettingFlags::<LogSection>::none().load(None)?.log)?;
        Ok(DataFolder::new(data))
    }

    /// The place of the signing keys: that of the gateway.
    fn signing_keys(&self) -> anyhow::Result<SigningKeySource> {
        let mut settings = Settings::load(&Sources { sections: Some(&[""]), ..Sources::default() })?;
        settings.signing_key_file.clone_from(&self.signing_key_file);
        Ok(SigningKeySource::from_settings(&settings)?)
    }

    fn path(&self) -> anyhow::Result<&Path> {
        let data = self.data.as_deref();
        data.context("say where the gateway's data is: `--data FOLDER`, or set PLATOOLS_GATEWAY_DATA")
    }

    /// Opens the data that a gateway has made, and does something with it.
    pub(super) async fn with<T>(&self, work: impl AsyncFnOnce(&Core) -> Result<T, Error>) -> anyhow::Result<T> {
        let data = self.path()?;
        logs::start(&SettingFlags::<LogSection>::none().load(None)?.log)?;
        let core = Core::open_existing_with(data, self.signing_keys()?).await?;
        let done = work(&core).await;
        core.close().await;
        Ok(done?)
    }
}

/// Flags for the folder of the data, and for a project in it.
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

    /// The flags for the folder.
    pub(super) fn data(&self) -> &DataArgs {
        &self.data
    }

    /// Opens the data that a gateway has made, and does something with the directory of the project.
    pub(super) async fn with<T>(&self, work: impl AsyncFnOnce(Admin<'_>) -> Result<T, Error>) -> anyhow::Result<T> {
        let name = self.project.clone().unwrap_or_default();
        self.data.with(async |core| work(core.local_projects().admin(&name)?).await).await
    }
}
