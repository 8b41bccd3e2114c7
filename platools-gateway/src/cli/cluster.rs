//! `cluster`: shows the gateways of an installation.

use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{Request, Uri};
use bytes::Bytes;
use clap::{Args, Subcommand};
use http_body_util::{BodyExt as _, Full, Limited};
use platools_gateway::net::{self, Connector};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;

use super::gateway_args::GatewayArgs;
use super::output::{ListArgs, say};

/// The longest wait for the answer of the gateway.
const LIMIT: Duration = Duration::from_secs(30);

/// The longest answer that is read.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show the gateways that are alive, as one of them sees them. Needs the key of an admin.
    Status(StatusArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Show the gateway of each worker of an entity instead.
    #[arg(long, value_name = "ENTITY")]
    worker: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(command: ClusterCommand) -> anyhow::Result<()> {
    let ClusterCommand::Status(StatusArgs { gateway, worker, list }) = command;
    let query = worker.as_ref().map(|worker| format!("?worker={}", encoded(worker))).unwrap_or_default();
    let url = format!("{}/v1/cluster{query}", gateway.base()?);
    let status = get(&url, &gateway.key()?).await?;
    let items = |name: &str| status[name].as_array().cloned().unwrap_or_default();
    if worker.is_some() {
        return list.print::<Value>(items("workers"), "connectionId entity environment gateway connectedAt");
    }
    if status["gateway"] == 0 && !list.is_json() {
        return say("this gateway is alone: it has no `cluster.nats`");
    }
    list.print::<Value>(items("gateways"), "gateway version workers seenMs hasDatabase stopping")
}

/// Gets JSON from the gateway.
async fn get(url: &str, key: &SecretString) -> anyhow::Result<Value> {
    let url: Uri = url.parse().context("the gateway's URL is malformed")?;
    let mut bearer =
        HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).context("the key is malformed")?;
    bearer.set_sensitive(true);
    let request = Request::get(&url).header(AUTHORIZATION, bearer).body(Full::<Bytes>::default())?;
    let client = net::client(Connector::new(&url)?);
    let answer = async {
        let response = client.request(request).await.context("the gateway cannot be reached")?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error)).context("the gateway's answer cannot be read")?;
        let body: Value =
            serde_json::from_slice(&body.to_bytes()).context("this is no gateway: the answer is no JSON")?;
        if !status.is_success() {
            bail!("the gateway refuses it with {status}: {}", body["detail"].as_str().unwrap_or_default());
        }
        Ok(body)
    };
    timeout(LIMIT, answer).await.context("the gateway does not answer")?
}

/// A text as a value of a query.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_query_is_encoded() {
        assert_eq!(encoded("orders-1"), "orders-1");
        assert_eq!(encoded("a b&ü"), "a%20b%26%C3%BC");
    }
}
