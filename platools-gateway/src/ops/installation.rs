//! [`InstallationStatus`]: shows the gateways of an installation, and the settings of this one, to admins.

use std::sync::Arc;

use super::setting_report::{ReportedSetting, SettingReport};
use crate::authority::{Action, Resource, authorize};
use crate::cluster::{Cluster, Member};
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::domain::ids::GatewayNumber;

/// The gateways of an installation, as this one sees them.
#[derive(Debug)]
pub(crate) struct InstallationStatus {
    pub(crate) directory: Arc<Directory>,
    /// None for a gateway that is alone.
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) setting_report: Arc<SettingReport>,
}

impl InstallationStatus {
    /// The number of this gateway.
    pub(crate) fn this(&self) -> GatewayNumber {
        self.cluster.as_ref().map_or(GatewayNumber::ALONE, |cluster| cluster.messenger().number())
    }

    /// The gateways that are alive, this one too while it is connected to the bus, by number. None for a gateway that is alone.
    ///
    /// # Errors
    /// The caller is no admin of the default project.
    pub(crate) fn members(&self, caller: &Caller) -> Result<Vec<Member>, Error> {
        authorize(caller, Action::Administer, Resource::Gateway(self.directory.default_project()))?;
        Ok(self.cluster.as_ref().map(|cluster| cluster.members().list()).unwrap_or_default())
    }

    /// The settings of this gateway.
    ///
    /// # Errors
    /// The caller is no admin of the default project.
    pub(crate) fn settings(&self, caller: &Caller) -> Result<&[ReportedSetting], Error> {
        authorize(caller, Action::Administer, Resource::Gateway(self.directory.default_project()))?;
        Ok(self.setting_report.settings())
    }
}
