//! [`Options`]: declares the command-line options of `platools mcp-host`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use platools::{PlatoolsClient, Secret, ToolRegistry};

use super::server::{SERVER_TOKEN, Server};

/// Hosts the tools of an MCP server.
#[derive(Debug, Args)]
#[command(
    after_help = "The worker's secret comes from the file of --secret-file or else from the variable PLATOS_SECRET, and \
    the token for a server behind a URL from the file of --server-token-file or else from the variable PLATOOLS_MCP_TOKEN.\n\n\
    Examples:\n  \
    platools mcp-host --url https://gateway.example -- npx -y @modelcontextprotocol/server-everything\n  \
    platools mcp-host --url https://gateway.example --server https://mcp.example/mcp"
)]
pub(crate) struct Options {
    /// The platform that the worker dials.
    #[arg(long, env = "PLATOS_URL")]
    url: String,
    /// File with the worker's secret, which is read anew for each connection.
    #[arg(long, value_name = "FILE", env = "PLATOS_SECRET_FILE")]
    secret_file: Option<PathBuf>,
    /// The MCP server's URL, if it is behind one.
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    server: Option<String>,
    /// File with the bearer token for the MCP server.
    #[arg(long, value_name = "FILE", requires = "server")]
    server_token_file: Option<PathBuf>,
    /// Host only the tool of that name, as the MCP server has it. Can be given several times. Default: all of them.
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
    /// The longest time for a call, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    call_timeout: u64,
    /// The MCP server's command with its arguments, if it is a program that speaks over its standard input and output.
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl Options {
    /// Returns the address of the MCP server.
    pub(super) fn server(&self) -> anyhow::Result<Server> {
        match (&self.server, &*self.command) {
            (Some(url), _) => Ok(Server::Remote { url: url.clone(), token: self.server_token()? }),
            (None, [program, arguments @ ..]) => {
                Ok(Server::Program { program: program.clone(), arguments: arguments.to_vec() })
            }
            (None, []) => bail!("say which MCP server: `-- COMMAND ARGUMENTS`, or `--server URL`"),
        }
    }

    /// The tools to host, if not all of them.
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        self.tools.iter().cloned().collect()
    }

    /// A worker with those tools.
    pub(super) fn worker(&self, registry: ToolRegistry) -> anyhow::Result<PlatoolsClient> {
        let secret = match &self.secret_file {
            Some(path) => Secret::file(path),
            None => Secret::env(platools::Platools::SECRET_VARIABLE),
        };
        let worker = PlatoolsClient::builder().url(&self.url).secret(secret).registry(registry);
        Ok(worker.call_timeout(Duration::from_secs(self.call_timeout)).build()?)
    }

    fn server_token(&self) -> anyhow::Result<Option<String>> {
        let token = match &self.server_token_file {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => match std::env::var(SERVER_TOKEN) {
                Ok(token) => token,
                Err(std::env::VarError::NotPresent) => return Ok(None),
                // Without the cause, which shows the value.
                Err(std::env::VarError::NotUnicode(_)) => bail!("{SERVER_TOKEN} is not UTF-8"),
            },
        };
        let token = token.trim();
        Ok((!token.is_empty()).then(|| token.to_owned()))
    }
}
