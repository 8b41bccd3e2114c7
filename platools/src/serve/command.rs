//! [`Command`]: adds the command `serve` to the command line of a worker's program.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, FromArgMatches as _, Subcommand};

use super::http::Http;
use super::server::Server;
use crate::registry::ToolRegistry;
use platools_transport::Secret;
use platools_transport::{Error, ErrorKind};

/// The command `serve` of a worker's program: its tools as a local MCP server.
///
/// ```text
/// worker serve stdio                           for the program that starts it
/// worker serve http --port 3001                for programs of this machine; the token is in PLATOOLS_SERVE_TOKEN
/// worker serve stdio --tool lookup_order       only this tool, and further ones that are named
/// worker serve --list                          the tools, without serving them
/// ```
///
/// A program gets it with one line, and does what it otherwise does where the first argument is another one:
///
/// ```no_run
/// # use platools::{Platools, ToolRegistry, tool, tools};
/// # /// Add two numbers.
/// # #[tool]
/// # async fn add(a: i64, b: i64) -> i64 { a + b }
/// #[tokio::main]
/// async fn main() -> Result<(), platools::Error> {
///     if let Some(command) = platools::serve::Command::from_args() {
///         return command.run(ToolRegistry::new().with_tools(tools![add])?).await;
///     }
///     Platools::from_env()?.tools(tools![add]).connect().await
/// }
/// ```
///
/// One with a command line of its own has it as a subcommand, since it is [`clap::Args`]:
///
/// ```
/// #[derive(clap::Parser)]
/// enum Cli {
///     /// Dial the platform.
///     Connect,
///     /// Be a local MCP server.
///     Serve(platools::serve::Command),
/// }
/// ```
///
/// The token of `serve http` is taken from the file `--auth-token-file` names, from `--auth-token`, from the file
/// `PLATOOLS_SERVE_TOKEN_FILE` names or from `PLATOOLS_SERVE_TOKEN`, whichever is there first; without one it does not start. A token on the
/// command line can be read by every user of the machine, so prefer the others.
#[derive(Debug, Clone, Args)]
pub struct Command {
    /// Serve this tool, and of the others only those that are named as well
    #[arg(long = "tool", value_name = "NAME", global = true)]
    tools: Vec<String>,

    /// The user on whose behalf tools are called
    #[arg(long, value_name = "ID", global = true)]
    user: Option<String>,

    /// The most bytes of a result; 6291456 unless the program says otherwise
    #[arg(long, value_name = "BYTES", global = true)]
    max_result_bytes: Option<usize>,

    /// Print the tools and end
    #[arg(long, global = true)]
    list: bool,

    #[command(subcommand)]
    transport: Option<Transport>,
}

/// The transport of clients.
#[derive(Debug, Clone, Subcommand)]
enum Transport {
    /// Serve the program that started this one, on standard input and output
    Stdio,
    /// Serve programs that connect over HTTP and have the token
    Http(HttpArgs),
}

#[derive(Debug, Clone, Args)]
struct HttpArgs {
    /// The address to listen on
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// The port to listen on; 0 is any that is free
    #[arg(long, default_value_t = Http::DEFAULT_ADDRESS.port())]
    port: u16,

    /// The token that clients send; prefer a file or PLATOOLS_SERVE_TOKEN
    #[arg(long, value_name = "TOKEN", conflicts_with = "auth_token_file")]
    auth_token: Option<Token>,

    /// A file with the token that clients send
    #[arg(long, value_name = "FILE")]
    auth_token_file: Option<PathBuf>,

    /// A name that clients may know the server by, besides those of this machine
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,

    /// Origin of pages that may use the server, besides pages of this machine
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<String>,

    /// Most sessions at once
    #[arg(long, value_name = "COUNT", default_value_t = Http::DEFAULT_MAX_SESSIONS)]
    max_sessions: usize,
}

/// A token that was given as an argument.
#[derive(Clone)]
struct Token(Secret);

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(Secret::value(token))
    }
}

impl Command {
    /// The environment variable with the token of `serve http`.
    pub const TOKEN_VARIABLE: &str = "PLATOOLS_SERVE_TOKEN";

    /// The environment variable with the path of a file with that token.
    pub const TOKEN_FILE_VARIABLE: &str = "PLATOOLS_SERVE_TOKEN_FILE";

    /// The command, if the first of the program's arguments is `serve`. Arguments after it that it does not know end the program
    /// with a message and the status 2, `--help` ends it with the help.
    #[must_use]
    pub fn from_args() -> Option<Self> {
        let given: Vec<_> = env::args_os().collect();
        Self::try_from_args(given).map(|parsed| parsed.unwrap_or_else(|error| error.exit()))
    }

    /// The command, if the first argument after the program's name is `serve`; what is wrong with what comes after is an error.
    ///
    /// # Errors
    /// There is an argument it does not know, or one it needs is missing. `--help` is an error, too.
    pub fn try_from_args<A: Into<OsString>>(given: impl IntoIterator<Item = A>) -> Option<Result<Self, clap::Error>> {
        let mut given: Vec<OsString> = given.into_iter().map(Into::into).collect();
        if given.get(1).is_none_or(|first| first != "serve") {
            return None;
        }
        // The two together are the name of the command, also in its help.
        let program = given.remove(0);
        let program = PathBuf::from(program).file_name().map(|name| name.to_string_lossy().into_owned());
        given[0] = format!("{} serve", program.as_deref().unwrap_or("worker")).into();
        let command = Self::augment_args(clap::Command::new("serve").about("The tools as a local MCP server"));
        let parsed = command.bin_name(given[0].to_string_lossy().into_owned()).try_get_matches_from(given);
        Some(parsed.and_then(|matches| Self::from_arg_matches(&matches)))
    }

    /// Does what was asked for: serves the registry, or prints its tools.
    ///
    /// # Errors
    /// Neither `stdio` nor `http` nor `--list` was given, or as for [`Server::stdio`] and [`Http::bind`].
    pub async fn run(self, registry: ToolRegistry) -> Result<(), Error> {
        self.serve(Server::new(registry)).await
    }

    /// Runs the command with a server that has settings of its own. The command line adds its settings to them.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub async fn serve(self, server: Server) -> Result<(), Error> {
        let server = self.tools.into_iter().fold(server, Server::tool);
        let server = self.user.into_iter().fold(server, Server::user);
        let server = self.max_result_bytes.into_iter().fold(server, Server::max_result_bytes);
        match self.transport {
            _ if self.list => list(&server),
            Some(Transport::Stdio) => server.stdio().await,
            Some(Transport::Http(given)) => {
                let server = given.http(server)?.bind().await?;
                // Where port 0 has led is not known otherwise.
                eprintln!("serving at http://{}/mcp", server.local_addr());
                server.run().await
            }
            None => Err(Error::new(ErrorKind::InvalidSetting, "say what to serve on: `stdio` or `http`, or `--list`")),
        }
    }
}

impl HttpArgs {
    fn http(self, server: Server) -> Result<Http, Error> {
        let from_env = |name| env::var_os(name).filter(|value| !value.is_empty());
        let token = match (self.auth_token_file, self.auth_token, from_env(Command::TOKEN_FILE_VARIABLE)) {
            (Some(file), _, _) => Secret::file(file),
            (None, Some(Token(token)), _) => token,
            (None, None, Some(file)) => Secret::file(PathBuf::from(file)),
            (None, None, None) if from_env(Command::TOKEN_VARIABLE).is_some() => Secret::env(Command::TOKEN_VARIABLE),
            (None, None, None) => return Err(no_token()),
        };
        let http = server.http(token).address(SocketAddr::new(self.host, self.port)).max_sessions(self.max_sessions);
        let http = self.hosts.into_iter().fold(http, Http::allow_host);
        Ok(self.origins.into_iter().fold(http, Http::allow_origin))
    }
}

fn no_token() -> Error {
    let (variable, file) = (Command::TOKEN_VARIABLE, Command::TOKEN_FILE_VARIABLE);
    let message = format!(
        "clients must be asked for a token: set {variable}, or {file} or --auth-token-file to a file with it; \
         `openssl rand -hex 32` makes one"
    );
    Error::new(ErrorKind::InvalidSecret, message)
}

/// Prints each tool's name and the first line of its description.
fn list(server: &Server) -> Result<(), Error> {
    let definitions = server.definitions()?;
    let width = definitions.iter().map(|tool| tool.name.len()).max().unwrap_or_default();
    let mut out = io::stdout().lock();
    for tool in definitions {
        let about = tool.description.lines().next().unwrap_or_default();
        let line = format!("{:width$}  {about}", tool.name);
        // The reader may close the pipe after a few lines, as `head` does.
        if writeln!(out, "{}", line.trim_end()).is_err() {
            break;
        }
    }
    Ok(())
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind as Wrong;

    use super::*;

    fn parse(line: &str) -> Option<Result<Command, clap::Error>> {
        Command::try_from_args(line.split_whitespace())
    }

    fn wrong(line: &str) -> clap::Error {
        parse(line).expect("it begins with serve").expect_err("it is wrong")
    }

    #[test]
    fn it_is_a_command_line_of_clap() {
        Command::augment_args(clap::Command::new("serve")).debug_assert();
    }

    #[test]
    fn what_does_not_begin_with_serve_is_for_somebody_else() {
        for line in ["worker", "worker connect", "worker --serve", "worker stdio serve", ""] {
            assert!(parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn tools_may_be_named_before_and_after_the_transport() {
        let command = parse("worker serve --tool a stdio").expect("serve").expect("valid");
        assert_eq!(command.tools, ["a"]);
        let command = parse("worker serve stdio --tool a --tool b --user u-1").expect("serve").expect("valid");
        assert_eq!((command.tools, command.user.as_deref()), (vec!["a".to_owned(), "b".to_owned()], Some("u-1")));
        assert!(parse("worker serve http --list").expect("serve").expect("valid").list);
    }

    #[test]
    fn a_token_is_shown_by_no_debug_and_no_error() {
        let command = parse("worker serve http --auth-token hunter2").expect("serve").expect("valid");
        assert!(!format!("{command:?}").contains("hunter2"), "{command:?}");
        let error = wrong("worker serve http --auth-token hunter2 --auth-token-file f");
        assert_eq!(error.kind(), Wrong::ArgumentConflict);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn the_help_names_the_program() {
        let error = wrong("/usr/bin/worker serve http --help");
        assert_eq!(error.kind(), Wrong::DisplayHelp);
        let help = error.to_string();
        assert!(
            help.contains("Usage: worker serve http") && help.contains("127.0.0.1") && help.contains("3001"),
            "{help}"
        );
    }

    #[tokio::test]
    async fn it_says_what_there_is_to_serve_on() {
        let command = parse("worker serve").expect("serve").expect("valid");
        let error = command.run(ToolRegistry::new()).await.expect_err("nothing was asked for");
        assert!(error.to_string().contains("`stdio` or `http`"), "{error}");
    }
}
