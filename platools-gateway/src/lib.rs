//! The platform that platools workers dial out to.
//!
//! Workers connect over one WebSocket each and register their tools; callers call the tools over HTTP. The data of a gateway is in a SQLite
//! file, or in a PostgreSQL database. The binary is `platools-gateway`; this library is the same gateway inside another program or a test:
//!
//! ```
//! use platools_gateway::dev::{self, DevOptions};
//! use secrecy::ExposeSecret;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), platools_gateway::Error> {
//! let options = DevOptions::default();
//! let secrets = options.secrets.clone();
//! let gateway = dev::start(options).await?;
//! println!("workers dial {} with the secret {}", gateway.url(), secrets.worker.expose_secret());
//! println!("callers send the key {}", secrets.admin.expose_secret());
//!
//! // The same gateway again: same data, same port.
//! let gateway = gateway.stop().await.start().await?;
//! gateway.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`core`] is the gateway without its protocols.

pub mod admin;
pub mod agents;
pub mod arguments;
pub mod audit;
mod authority;
mod background;
pub mod calls;
pub mod catalog;
#[expect(dead_code, reason = "operators see the members once gateways are started with a bus")]
mod cluster;
pub mod connections;
pub mod core;
pub mod dev;
pub mod directory;
pub mod domain;
#[doc(hidden)]
pub mod dto;
pub mod feed;
mod gateway;
pub mod journal;
pub mod limits;
pub mod links;
mod listen;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "model")]
#[doc(hidden)]
pub mod net;
pub mod ops;
pub mod pending;
pub mod ports;
pub mod sessions;
pub mod settings;
mod store;
mod tls;
pub mod tools;

pub use crate::admin::SigningKeySource;
pub use crate::domain::error::{Error, ErrorKind};
pub use crate::domain::identity::Role;
pub use crate::pending::CallTimeout;
pub use gateway::{Builder, DataFolder, Gateway, Stopped, upgrade_database};
pub use settings::{
    AnonymousAccess, CallSettings, ConsoleSettings, HttpSettings, IdempotencySettings, McpSettings, Recording,
    RpcSettings, RuntimeSettings, Settings,
};
pub use store::{Restored, Upgraded};
