//! [`run`]: a bridge for MCP clients that start a program and use its standard streams. It passes each message on to the `/mcp` of a
//! gateway. `Downstream` serves the client, `Upstream` is connected to the gateway, and `Relay` passes notifications from `Upstream` to the
//! client.

#[expect(deprecated, reason = "gateways and clients of the revisions in use have a log")]
mod downstream;
mod http;
#[expect(deprecated, reason = "gateways and clients of the revisions in use have a log")]
mod relay;
#[expect(deprecated, reason = "gateways and clients of the revisions in use have a log")]
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::http::Uri;
use platools_gateway::net::is_loopback;
use rmcp::model::{ClientCapabilities, ClientConfig, ClientRequest, Implementation, ProtocolVersion};
use rmcp::service::{ClientInitializeError, Peer, RunningService, ServerInitializeError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, ServiceExt as _};
use secrecy::SecretString;
use tokio::time::{sleep, timeout};

use downstream::Downstream;
use http::Http;
use relay::Relay;
use upstream::Upstream;

/// The interval at which the bridge checks whether the gateway still knows the session. A gateway that was restarted does
/// not, and a session with it is opened then.
const PULSE: Duration = Duration::from_secs(5);

/// The longest time for the answer to a check. A check without an answer is repeated at the next interval.
const PULSE_LIMIT: Duration = Duration::from_secs(10);

/// The longest time for a new session to receive the state of the previous one.
const RENEWAL_LIMIT: Duration = Duration::from_secs(10);

/// Serves the client on the standard streams, until it closes them.
///
/// # Errors
/// The gateway cannot be reached, or does not take the key.
pub(crate) async fn run(url: &str, key: &SecretString) -> anyhow::Result<()> {
    let uri: Uri = url.parse().context("the gateway's URL cannot be read")?;
    warn_of_plain_http(&uri);
    let (http, relay) = (Http::new(&uri, key)?, Arc::new(Relay::default()));
    let upstream = connect(url, http.clone(), &relay).await?;
    let known = upstream.peer().peer_info().context("the gateway did not say what it is")?;
    let downstream = Downstream::new(upstream.peer().clone(), Arc::clone(&relay), &known);
    let client = match downstream.serve(rmcp::transport::stdio()).await {
        Ok(client) => client,
        // A client may close before its first message.
        Err(ServerInitializeError::ConnectionClosed(_)) => return leave(upstream).await,
        Err(_) => {
            leave(upstream).await?;
            // Its message is not repeated: it may have a secret.
            bail!("the program at the standard streams does not speak the Model Context Protocol");
        }
    };
    relay.is_connected(client.peer().clone());
    tokio::select! {
        ended = client.waiting() => drop(ended.context("the connection to the client failed")?),
        () = keep(upstream.peer(), &http, &relay) => {}
    }
    leave(upstream).await
}

/// Warns once where the key can be read on its way. It is no error: a private network or a tunnel may be meant.
fn warn_of_plain_http(url: &Uri) {
    let host = url.host().unwrap_or_default();
    if url.scheme_str() == Some("http") && !is_loopback(host) {
        tracing::warn!(
            host,
            "key sent to the gateway over plain http, where anybody on the way can read it; use an https:// URL"
        );
    }
}

async fn connect(url: &str, http: Http, relay: &Arc<Relay>) -> anyhow::Result<RunningService<RoleClient, Upstream>> {
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
    let info = Implementation::new("platools-gateway", env!("CARGO_PKG_VERSION"));
    // With a session, so that the gateway can send notifications.
    let mut config = ClientConfig::new(ClientCapabilities::default(), info);
    config.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
    match Upstream::new(config, Arc::clone(relay)).serve(transport).await {
        Ok(service) => Ok(service),
        // The error names the URL, which has no secret.
        Err(error) => match (http.refused(), error) {
            (Some(why), _) => bail!("{url}: {why}"),
            (None, ClientInitializeError::JsonRpcError(error)) => bail!("{url}: {}", error.message),
            (None, error) => Err(error).with_context(|| format!("cannot open a session at {url}")),
        },
    }
}

/// Keeps the session open, and notifies the client when a new session replaces it. Never returns.
async fn keep(gateway: &Peer<RoleClient>, http: &Http, relay: &Relay) {
    let pulse = async {
        loop {
            sleep(PULSE).await;
            // An unanswered ping is ignored: the next request reports the problem.
            let ping = ClientRequest::PingRequest(Default::default());
            let _ = timeout(PULSE_LIMIT, gateway.send_request(ping)).await;
        }
    };
    let renewed = async {
        let mut sessions = http.sessions();
        while sessions.changed().await.is_ok() {
            if *sessions.borrow_and_update() > 1 {
                tracing::info!("gateway was started again");
                if timeout(RENEWAL_LIMIT, relay.renew(gateway)).await.is_err() {
                    tracing::warn!("log level of the client not passed on to the gateway");
                }
                relay.tools_changed().await;
            }
        }
    };
    tokio::join!(pulse, renewed);
}

async fn leave(upstream: RunningService<RoleClient, Upstream>) -> anyhow::Result<()> {
    upstream.cancel().await.context("the session did not end in order")?;
    Ok(())
}
