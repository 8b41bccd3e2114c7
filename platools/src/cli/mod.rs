//! [`Cli`]: the command line of a worker's program, over its registry.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use platools::{ToolRegistry, tool, tools};
//!
//! /// Add two numbers.
//! #[tool]
//! async fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     match ToolRegistry::new().with_tools(tools![add]) {
//!         Ok(registry) => platools::cli::run(registry).await,
//!         Err(error) => platools::cli::fail(&error),
//!     }
//! }
//! ```
//!
//! | command | effect | exit code 1 |
//! |---|---|---|
//! | `run` | dials the platform of `PLATOS_URL` with the secret of `PLATOS_SECRET` or `PLATOS_SECRET_FILE`, and serves until SIGTERM or Ctrl-C | the worker has given up, or its settings cannot be used |
//! | `connect --dry-run` | checks the settings and the tools of `run`, and sends nothing: a connection would take the place of a worker that runs | one of them cannot be used |
//! | `list` | prints the tools | |
//! | `schema TOOL --dialect openai` | prints a tool as a platform, an MCP client or a model gets it | there is no such tool |
//! | `manifest` | prints the manifest | |
//! | `manifest diff OLD` | compares the tools with the manifest in a file | a change is breaking; with `--exact`, any change |
//! | `call TOOL item=lamp --user ann` | calls a tool, and prints its result | the call failed |
//! | `doctor` | checks the declarations, see [`doctor`](crate::doctor) | there is an error |
//! | `test [FILE]` | runs a [`Batch`](crate::testing::Batch), by default that of `platools-tests.yaml` | a case failed |
//! | `serve stdio`, `serve http` | serves local MCP clients, see [`serve::Command`](crate::serve::Command) | the server failed |
//!
//! `--json` prints machine-readable output, where a command has it. A command line that is wrong ends with the exit code 2. Results are on
//! standard output, and everything else on standard error.

mod arguments;
mod call;
mod checks;
mod connect;
mod declarations;
mod output;

use std::fmt::Display;
use std::process::ExitCode;

use clap::Parser as _;

use crate::client::PlatoolsClientBuilder;
use crate::doctor::Doctor;
use crate::registry::ToolRegistry;
use arguments::{WorkerArguments, WorkerCommand};
use connect::SetClient;
use platools_transport::Error;

/// Runs the command that the program was started with, and returns the exit code.
///
/// # Panics
/// Outside of a Tokio runtime.
pub async fn run(registry: ToolRegistry) -> ExitCode {
    Cli::new(registry).run().await
}

/// Prints an error as the commands do, and returns the exit code 1. For a `main` that cannot make its registry.
pub fn fail(error: &dyn Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

type SetDoctor = Box<dyn FnOnce(Doctor) -> Doctor + Send>;

/// The command line of a worker's program, with settings of its own.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use std::time::Duration;
/// # use platools::ToolRegistry;
/// # use platools::cli::Cli;
/// # use platools::doctor::Rule;
/// # async fn commands(registry: ToolRegistry) -> ExitCode {
/// Cli::new(registry)
///     .with_client(|client| client.drain_limit(Duration::from_secs(10)))
///     .with_doctor(|doctor| doctor.allow_everywhere(Rule::UnreachableParam, "people type the ids"))
///     .run()
///     .await
/// # }
/// ```
#[must_use = "nothing is done before `run`"]
pub struct Cli {
    registry: ToolRegistry,
    set_client: SetClient,
    set_doctor: SetDoctor,
}

impl Cli {
    /// The commands over a registry.
    pub fn new(registry: ToolRegistry) -> Self {
        Self { registry, set_client: Box::new(|client| client), set_doctor: Box::new(|doctor| doctor) }
    }

    /// Sets up the client of `run` and `connect`. It has the registry, and the URL and the secret of the environment.
    pub fn with_client(
        mut self,
        set: impl FnOnce(PlatoolsClientBuilder) -> PlatoolsClientBuilder + Send + 'static,
    ) -> Self {
        self.set_client = Box::new(set);
        self
    }

    /// Sets up the doctor, for example with the findings that are allowed.
    pub fn with_doctor(mut self, set: impl FnOnce(Doctor) -> Doctor + Send + 'static) -> Self {
        self.set_doctor = Box::new(set);
        self
    }

    /// Runs the command that the program was started with, and returns the exit code. Help and mistakes in the command line end the process.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn run(self) -> ExitCode {
        let command = WorkerArguments::parse().command;
        self.run_command(command).await.unwrap_or_else(|error| fail(&error))
    }

    async fn run_command(self, command: WorkerCommand) -> Result<ExitCode, Error> {
        let Self { registry, set_client, set_doctor } = self;
        match command {
            WorkerCommand::Run => connect::run(set_client, registry).await,
            WorkerCommand::Connect(connect) if connect.dry_run => connect::check(set_client, &registry),
            WorkerCommand::Connect(_) => connect::run(set_client, registry).await,
            WorkerCommand::List(list) => declarations::list(&registry, &list),
            WorkerCommand::Schema(schema) => declarations::schema(&registry, &schema),
            WorkerCommand::Manifest(manifest) => declarations::manifest(&registry, &manifest),
            WorkerCommand::Call(call) => call::run(&registry, call).await,
            WorkerCommand::Doctor(output) => checks::doctor(set_doctor(Doctor::new(&registry)), &output),
            WorkerCommand::Test(test) => checks::test(&registry, &test).await,
            WorkerCommand::Serve(serve) => serve.run(registry).await.map(|()| ExitCode::SUCCESS),
        }
    }
}

impl std::fmt::Debug for Cli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cli").field("registry", &self.registry).finish_non_exhaustive()
    }
}
