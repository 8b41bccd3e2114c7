//! [`serve`]: serves one client over standard input and output, until the input ends or a signal comes.

mod counting_transport;
mod input;
mod lines;
mod pipes;
mod result_limit;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rmcp::serve_server;
use rmcp::service::{QuitReason, ServerInitializeError};
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::registry_host::RegistryHost;
use crate::mcp::McpServer;
use counting_transport::CountingTransport;
use input::Input;
use lines::Lines;
use pipes::Pipes;
use platools_transport::StopSignals;
use platools_transport::{Error, ErrorKind};

/// The time to write the last answers.
const WRITE_LIMIT: Duration = Duration::from_secs(2);

/// The end of a conversation before its client ends it.
#[derive(Debug, Clone, Default)]
struct Stop {
    /// Calls that run may go on for a while.
    told: CancellationToken,
    /// They may not.
    hurry: CancellationToken,
}

/// Serves until the input ends or a signal comes. A signal after that gives the calls up.
pub(super) async fn serve(host: Arc<RegistryHost>, drain: Duration, mut signals: StopSignals) -> Result<(), Error> {
    let Pipes { input, output, written } = Pipes::open();
    let stop = Stop::default();
    let signalled = async {
        signals.next().await;
        stop.told.cancel();
        signals.next().await;
        stop.hurry.cancel();
        pending().await
    };
    let broken = async {
        // Before the end only an error ends the writing, and then no reader is left.
        written.cancelled().await;
        stop.hurry.cancel();
        stop.told.cancel();
        pending().await
    };
    let served = tokio::select! {
        served = converse(host, input, output, drain, stop.clone()) => served,
        never = signalled => never,
        never = broken => never,
    };
    let _ = timeout(WRITE_LIMIT, written.cancelled()).await;
    served
}

/// Talks to a client until its end of the conversation is closed, or ours is to end.
async fn converse(
    host: Arc<RegistryHost>,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
    drain: Duration,
    stop: Stop,
) -> Result<(), Error> {
    let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
    let input = Input::new(input, closing.clone(), closed.clone());
    let server = McpServer::new(Arc::clone(&host));
    let service = async {
        let transport =
            CountingTransport::new(AsyncRwTransport::new_server(Lines::new(input), output), host.calls.clone());
        match serve_server(server, transport).await {
            Ok(service) => ended(service.waiting().await),
            Err(error) => not_begun(error),
        }
    };
    let ending = async {
        let by_client = tokio::select! {
            () = closing.cancelled() => true,
            () = stop.told.cancelled() => false,
        };
        // No further message is read from here on, but those that were are answered.
        closing.cancel();
        let hurry = async {
            tokio::select! {
                () = stop.told.cancelled(), if by_client => {}
                () = stop.hurry.cancelled() => {}
            }
        };
        host.calls.finish(drain, hurry).await;
        closed.cancel();
        pending().await
    };
    tokio::select! {
        served = service => served,
        never = ending => never,
    }
}

fn ended(how: Result<QuitReason, tokio::task::JoinError>) -> Result<(), Error> {
    match how {
        Ok(QuitReason::JoinError(error)) | Err(error) => {
            Err(Error::new(ErrorKind::Serve, "the server failed").with_source(error))
        }
        Ok(_) => Ok(()),
    }
}

/// The error of a conversation that did not begin. It does not repeat what the client sent instead of a greeting.
fn not_begun(error: ServerInitializeError) -> Result<(), Error> {
    match error {
        // A client may come and go without a word.
        ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled => Ok(()),
        ServerInitializeError::TransportError { error, .. } => {
            Err(Error::new(ErrorKind::Serve, "the client cannot be written to").with_source(error.error))
        }
        _ => Err(Error::new(
            ErrorKind::Serve,
            "the client does not begin as the protocol asks: `initialize` comes first",
        )),
    }
}

#[cfg(test)]
mod tests;
