//! [`next_delay`]: computes the delay before a client's next attempt to connect, logs the delay and reports it to the application.

use std::time::Duration;

use tracing::warn;

use crate::backoff::Schedule;
use crate::connection_state::{ConnectionState, Reporter};
use crate::error::{Error, ErrorKind, WithCauses};

/// Returns the delay before the next attempt, and logs and reports it.
///
/// # Errors
/// The policy allows no further attempt.
pub fn next_delay<E>(schedule: &mut Schedule, error: Error, reporter: &Reporter<E>) -> Result<Duration, Error>
where
    E: Clone + Send + 'static,
{
    if error.kind() == ErrorKind::Refused && schedule.gives_up_when_refused() {
        return Err(error);
    }
    let Some((attempt, delay)) = schedule.next_attempt() else {
        return Err(Error::new(ErrorKind::RetriesExhausted, "the client gave up connecting").with_source(error));
    };
    warn!(error = %WithCauses(&error), reconnect.attempt = attempt, reconnect.delay_ms = delay.as_millis(), "connection failed");
    reporter.state(ConnectionState::Reconnecting { attempt, delay });
    Ok(delay)
}
