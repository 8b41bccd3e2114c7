//! The section `http`: names of the gateway, and web pages that may use it.

use clap::Args;
use platools_gateway::HttpSettings;
use serde::{Deserialize, Serialize};

use super::alone;

/// Names and web pages as flags, variables and a file give them.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenHttp {
    /// Names that the gateway is reached by, with commas between them. Default: loopback names on a loopback address, else all.
    #[arg(long = "http-names", value_name = "NAMES", env = "PLATOOLS_GATEWAY_HTTP_NAMES", value_delimiter = ',')]
    names: Option<Vec<String>>,
    /// Origins of web pages that may use the gateway, with commas between them; `null` stands for files. Default: the gateway's own, and
    /// on a loopback address those of this machine.
    #[arg(
        long = "http-allowed-origins",
        value_name = "ORIGINS",
        env = "PLATOOLS_GATEWAY_HTTP_ALLOWED_ORIGINS",
        value_delimiter = ','
    )]
    allowed_origins: Option<Vec<String>>,
}

/// Names of the gateway, and web pages that may use it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Http {
    /// Names that the gateway is reached by. Default: none.
    names: Vec<String>,
    /// Origins of web pages that may use the gateway. Default: none.
    allowed_origins: Vec<String>,
}

impl Http {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        Ok(self.settings().check()?)
    }

    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> HttpSettings {
        let mut settings = HttpSettings::default();
        settings.names.clone_from(&self.names);
        settings.allowed_origins.clone_from(&self.allowed_origins);
        settings
    }
}

impl GivenHttp {
    /// The settings of a command without a configuration file.
    ///
    /// # Errors
    /// A name or an origin cannot be read.
    pub(crate) fn complete(self) -> anyhow::Result<Http> {
        let http: Http = alone(&self)?;
        http.check()?;
        Ok(http)
    }
}
