//! The platform that platools workers dial out to.
//!
//! Workers connect over one WebSocket each and register their tools; callers call the tools over HTTP. One binary, one
//! SQLite file. The binary is `platools-gateway`; this library is the same gateway inside another program or a test:
//!
//! ```
//! use platools_gateway::dev::{self, DevOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), platools_gateway::Error> {
//! let gateway = dev::start(DevOptions::default()).await?;
//! println!("workers dial {} with the secret {}", gateway.url(), dev::SECRET);
//! println!("callers send the key {}", dev::ADMIN_KEY);
//!
//! // The same gateway again: same data, same port.
//! let gateway = gateway.stop().await.start().await?;
//! gateway.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`core`] is the gateway without its protocols.

pub mod core;
pub mod dev;
mod domain;
mod gateway;
mod listen;
pub mod model;
mod store;
mod tls;

pub use crate::core::error::{Error, ErrorKind};
pub use crate::core::identity::Role;
pub use crate::core::journal::Recording;
pub use crate::core::runtime::RuntimeSettings;
pub use gateway::{Builder, DataFolder, Gateway, Stopped};
pub use listen::{McpSettings, RpcSettings};
pub use store::{Restored, Upgraded};
