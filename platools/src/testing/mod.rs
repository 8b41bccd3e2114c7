//! Peers for the tests of tools and workers: a caller without a platform, a platform without a gateway, and a check of a manifest.
//!
//! - [`TestClient`] calls the tools of a registry in memory, and shows the result, the progress and the log of each call.
//! - [`TestContext`] is the context for a direct call of a tool's function.
//! - [`TestPlatform`] is a platform that the test plays itself, frame by frame, over a real socket.
//! - [`Batch`] is a list of calls with their expected results, written as YAML.
//! - [`assert_manifest`] compares the tools with those of the last release.
//!
//! Add the feature in `[dev-dependencies]`: `platools = { version = "0.1", features = ["testing"] }`.
//!
//! # A tool and its caller
//!
//! ```
//! use platools::testing::{TestCaller, TestClient, TestContext};
//! use platools::{Context, ToolRegistry, tool, tools};
//! use serde_json::json;
//!
//! /// Greet the people on a list.
//! #[tool]
//! async fn greet(names: Vec<String>, ctx: &Context) -> String {
//!     for (done, name) in names.iter().enumerate() {
//!         ctx.progress(done as f64 + 1.0).total(names.len() as f64).message(name).send();
//!     }
//!     format!("{} greets {}", ctx.user_id().unwrap_or("nobody"), names.join(" and "))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), platools::Error> {
//! // The function itself, with a context:
//! let ctx = TestContext::new(TestCaller::user("ann"));
//! assert_eq!(greet(vec!["Bob".to_owned()], &ctx).await, "ann greets Bob");
//!
//! // The tool as callers see it: arguments are decoded and checked, limits are kept, panics are caught.
//! let registry = ToolRegistry::new().with_tools(tools![greet])?;
//! let client = TestClient::new(&registry, TestCaller::user("ann"));
//! let call = client.call("greet", json!({ "names": ["Bob", "Cleo"] })).await;
//! assert_eq!(call.value(), "ann greets Bob and Cleo");
//! assert_eq!(call.reports().len(), 2);
//! assert_eq!(client.call("greet", json!({})).await.error().code(), "invalid_arguments");
//! # Ok(())
//! # }
//! ```
//!
//! # A worker and its platform
//!
//! ```
//! use platools::testing::{TestPlatform, TestWorker};
//! # use platools::{ToolRegistry, tool, tools};
//! # use serde_json::json;
//! # /// Add two numbers.
//! # #[tool]
//! # async fn add(a: i64, b: i64) -> i64 { a + b }
//! # #[tokio::main]
//! # async fn main() -> Result<(), platools::Error> {
//! let registry = ToolRegistry::new().with_tools(tools![add])?;
//! let platform = TestPlatform::start().await;
//! let worker = TestWorker::connect(&platform, &registry);
//!
//! let mut link = platform.accept_worker().await;
//! link.send_text("this is no frame").await;
//! link.call("call-1", "add", json!({ "a": 2, "b": 40 })).await;
//! link.cut().after_reading(10);
//! assert!(link.try_next().await.is_none(), "the connection broke in the middle of the answer");
//! drop(link);
//!
//! let mut link = platform.accept_worker().await;
//! assert_eq!(link.result("call-1").await, 42, "the worker sends the answer again");
//! # Ok(())
//! # }
//! ```

mod batch;
mod caller;
mod client;
mod connection;
mod context;
mod link;
mod manifest;
mod patience;
mod platform;
mod report;
mod worker;

pub use batch::{Batch, BatchReport, CaseReport, Coverage, ToolCoverage};
pub use caller::TestCaller;
pub use client::{TestClient, TestOutcome};
pub use connection::{ConnectionCut, TestConnection};
pub use context::TestContext;
pub use link::TestLink;
pub use manifest::{assert_compatible_manifest, assert_manifest};
pub use patience::{PATIENCE, within};
pub use platform::{TestPlatform, UnreachablePlatform};
pub use report::TestReport;
pub use worker::TestWorker;
