//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

const DEFAULT_LISTEN: &str = "127.0.0.1:3100";

/// The gateway that platools workers dial out to.
#[derive(Debug, Parser)]
#[command(name = "platools-gateway", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a gateway for development: loopback only, well-known secrets, data removed at exit.
    Dev {
        /// Address to listen on; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
        listen: SocketAddr,
    },
    /// Run a gateway. The first start prints an admin key, once.
    Serve {
        /// Folder of the database; made if it is not there.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// Address to listen on; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
        listen: SocketAddr,
    },
    /// Administer entities, which are what workers connect as. The gateway may be running.
    Entity {
        #[command(subcommand)]
        command: EntityCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EntityCommand {
    /// Add an entity and print its secret, once.
    Add {
        /// Name of the entity.
        slug: String,
        /// Folder of the database.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
    },
    /// List the entities.
    List {
        /// Folder of the database.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
    },
}
