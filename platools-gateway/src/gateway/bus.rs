//! [`connect`]: connects a gateway to the others of its installation, as the settings say.

use std::sync::Arc;

use platools_bus::Bus;

use crate::domain::error::Error;
use crate::settings::ClusterSettings;

/// Connects to the other gateways, if there are any.
///
/// # Errors
/// The settings are wrong, or no server lets this gateway in. The error says what to do.
#[cfg(feature = "nats")]
pub(super) async fn connect(settings: &ClusterSettings) -> Result<Option<Arc<dyn Bus>>, Error> {
    use std::time::Duration;

    use platools_bus::nats::NatsBus;
    use tokio::time::timeout;

    use crate::domain::error::ErrorKind;

    /// The longest time for all servers together. Each has a limit of its own, and a name may have many addresses.
    const LIMIT: Duration = Duration::from_secs(30);

    let Some(servers) = settings.servers()? else { return Ok(None) };
    let connected = timeout(LIMIT, NatsBus::connect(&servers)).await.map_err(|_| {
        let servers = servers.servers.join(", ");
        let message = format!(
            "no NATS server answers at {servers} within 30 seconds; check the address, and that the server runs"
        );
        Error::new(ErrorKind::NotConfigured, message)
    })?;
    let bus = connected.map_err(|error| Error::new(ErrorKind::NotConfigured, error.to_string()))?;
    Ok(Some(Arc::new(bus)))
}

/// Returns no connection: the check of the settings has refused other gateways.
#[cfg(not(feature = "nats"))]
#[expect(clippy::unused_async, reason = "it connects with the feature `nats`")]
pub(super) async fn connect(_: &ClusterSettings) -> Result<Option<Arc<dyn Bus>>, Error> {
    Ok(None)
}
