//! [`Server`]: names an MCP server by a command or a URL, and connects to it.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use anyhow::anyhow;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use tokio::process::Command;
use tokio::time::timeout;

use super::connection::Connection;

/// The environment variable with the secret of a server, unless a file has it.
pub(super) const SERVER_TOKEN: &str = "PLATOOLS_MCP_TOKEN";

/// The variables with secrets, which no server may see.
const SECRET_VARIABLES: [&str; 2] = [platools::Platools::SECRET_VARIABLE, SERVER_TOKEN];

/// The longest time for a server to begin: some are downloaded first.
const BEGIN: Duration = Duration::from_secs(120);

/// An MCP server.
pub(super) enum Server {
    /// A program that speaks over its standard input and output. What it writes to its standard error goes to ours.
    Program { program: OsString, arguments: Vec<OsString> },
    /// A server behind a URL, and the bearer token it wants.
    Remote { url: String, token: Option<String> },
}

impl Server {
    /// Starts or dials it.
    ///
    /// # Errors
    /// It cannot be started or reached, or does not speak the protocol in time.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        let failed =
            |error: anyhow::Error| anyhow!("cannot connect to the MCP server {self}: {}", self.without_secrets(&error));
        match timeout(BEGIN, self.begin()).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(failed(anyhow!("it did not begin within {} seconds", BEGIN.as_secs()))),
        }
    }

    /// Returns the error without secrets of a URL.
    pub(super) fn without_secrets(&self, error: &anyhow::Error) -> String {
        let error = format!("{error:#}");
        let Self::Remote { url, .. } = self else { return error };
        let Parts { user, query, .. } = Parts::of(url);
        [user, query].into_iter().filter(|part| !part.is_empty()).fold(error, |error, part| error.replace(part, "..."))
    }

    async fn begin(&self) -> anyhow::Result<Connection> {
        match self {
            Self::Program { program, arguments } => {
                Connection::begin(TokioChildProcess::new(command(program, arguments))?).await
            }
            Self::Remote { url, token } => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                config.auth_header.clone_from(token);
                Connection::begin(StreamableHttpClientTransport::from_config(config)).await
            }
        }
    }
}

fn command(program: &OsString, arguments: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    for name in SECRET_VARIABLES {
        command.env_remove(name);
    }
    // Ctrl-C in a terminal is for the host, which lets calls end before it closes the server.
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// A URL, taken apart.
struct Parts<'a> {
    /// Name and password.
    user: &'a str,
    /// Host and path.
    address: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let (_, rest) = url.split_once("://").unwrap_or_default();
        let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        let authority = rest.find('/').unwrap_or(rest.len());
        let user = rest[..authority].rfind('@').unwrap_or(0);
        Self {
            user: &rest[..user],
            address: rest[user..].trim_start_matches('@'),
            query: query.get(1..).unwrap_or_default(),
        }
    }
}

/// Arguments may be secrets, and so may be what is in a URL beside the address.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { program, .. } => write!(f, "`{}`", program.display()),
            Self::Remote { url, .. } => write!(f, "`{}`", Parts::of(url).address),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_in_a_url_is_not_shown() {
        for (url, address) in [
            ("https://mcp.example", "mcp.example"),
            ("https://hidden:hidden@mcp.example/mcp?key=hidden", "mcp.example/mcp"),
            ("https://mcp.example/@scope/mcp#hidden", "mcp.example/@scope/mcp"),
            ("https://hidden@mcp.example:8443", "mcp.example:8443"),
        ] {
            let server = Server::Remote { url: url.to_owned(), token: Some("hidden".to_owned()) };
            assert_eq!(server.to_string(), format!("`{address}`"));
            let error = server.without_secrets(&anyhow!("no answer from {url}"));
            assert!(
                error.contains(address) && !error.contains("hidden") && !format!("{server:?}").contains("hidden"),
                "{error}"
            );
        }
    }
}
