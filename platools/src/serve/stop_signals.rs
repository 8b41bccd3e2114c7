//! [`signals`]: begins to catch the signals of the process that stop a local MCP server.

use platools_transport::{Error, ErrorKind, StopSignals};

/// Begins to catch the signals that end a server.
pub(super) fn signals() -> Result<StopSignals, Error> {
    StopSignals::listen().map_err(|error| Error::new(ErrorKind::Serve, "signals cannot be caught").with_source(error))
}
