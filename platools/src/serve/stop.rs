//! The signals that end a server.

pub(super) use crate::signals::Signals;
use platools_transport::{Error, ErrorKind};

/// Begins to catch the signals that end a server.
pub(super) fn signals() -> Result<Signals, Error> {
    Signals::listen().map_err(|error| Error::new(ErrorKind::Serve, "signals cannot be caught").with_source(error))
}
