//! [`WorkerCommand`]: declares the commands of a worker's program and their arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::serve;
use crate::tool::Dialect;

#[derive(Debug, Parser)]
#[command(about = "The tools of a worker", arg_required_else_help = true)]
pub(super) struct WorkerArguments {
    #[command(subcommand)]
    pub(super) command: WorkerCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum WorkerCommand {
    /// Dial the platform of `PLATOS_URL` and serve its calls until SIGTERM or Ctrl-C
    Run,
    /// The same as `run`; with --dry-run, only check the settings and the tools
    Connect(ConnectArguments),
    /// Print the tools
    List(ListArguments),
    /// Print a tool as a platform, an MCP client or a model gets it
    Schema(SchemaArguments),
    /// Print the manifest of the tools, or compare it with another one
    Manifest(ManifestArguments),
    /// Call a tool here, and print its result
    Call(CallArguments),
    /// Check the declarations of the tools
    Doctor(DoctorArguments),
    /// Run a batch of calls with expected results
    Test(TestArguments),
    /// Serve the tools to local MCP clients
    Serve(serve::Command),
}

#[derive(Debug, Args)]
pub(super) struct ConnectArguments {
    /// Check the settings, the secret and the tools, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Name of the tool
    pub(super) tool: String,

    /// The reader of the schema
    #[arg(long, value_enum, default_value_t = DialectName::Platform)]
    pub(super) dialect: DialectName,
}

/// A [`Dialect`] as it is named on a command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DialectName {
    Platform,
    Mcp,
    Openai,
    OpenaiNonStrict,
    Anthropic,
    Gemini,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Platform => Self::Platform,
            DialectName::Mcp => Self::Mcp,
            DialectName::Openai => Self::OpenAi,
            DialectName::OpenaiNonStrict => Self::OpenAiNonStrict,
            DialectName::Anthropic => Self::Anthropic,
            DialectName::Gemini => Self::Gemini,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ManifestArguments {
    #[command(subcommand)]
    pub(super) action: Option<ManifestAction>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ManifestAction {
    /// Compare the tools with an earlier manifest; the exit code is 1 for a breaking change
    Diff(DiffArguments),
}

#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// File with the earlier manifest
    pub(super) old: PathBuf,

    /// End with the exit code 1 for every change
    #[arg(long)]
    pub(super) exact: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// Name of the tool
    pub(super) tool: String,

    /// Arguments as NAME=VALUE; a value is JSON, or else a text
    #[arg(value_name = "NAME=VALUE", conflicts_with = "arguments")]
    pub(super) pairs: Vec<String>,

    /// Arguments as a JSON object
    #[arg(long, value_name = "JSON")]
    pub(super) arguments: Option<String>,

    /// The user on whose behalf the tool is called
    #[arg(long, value_name = "ID")]
    pub(super) user: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Print JSON
    #[arg(long, conflicts_with = "sarif")]
    pub(super) json: bool,

    /// Print SARIF 2.1.0
    #[arg(long)]
    pub(super) sarif: bool,
}

#[derive(Debug, Args)]
pub(super) struct TestArguments {
    /// File with the batch
    #[arg(default_value = "platools-tests.yaml")]
    pub(super) file: PathBuf,

    /// Print the tools and arguments that the batch uses, and run nothing
    #[arg(long)]
    pub(super) coverage: bool,

    /// Also write the report to a file, in the XML of JUnit
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}
