//! [`PublicUrl`]: the URLs that clients find the gateway at.

use crate::listen::http::KnownHost;
use crate::settings::McpSettings;

/// Base of the URLs that clients are told.
#[derive(Debug, Clone)]
pub(super) struct PublicUrl {
    /// URL of a proxy that answers for the gateway, without a slash at the end.
    url: Option<String>,
    scheme: &'static str,
}

impl PublicUrl {
    pub(super) fn new(settings: &McpSettings, is_tls: bool) -> Self {
        let url = settings.url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        Self { url, scheme: if is_tls { "https" } else { "http" } }
    }

    /// The URL of a path: at the proxy, or at the host that the request is for. There is none for a host that may be anybody's: an
    /// answer must not send clients there.
    pub(super) fn url(&self, host: Option<&KnownHost>, path: &str) -> Option<String> {
        match (&self.url, host) {
            (Some(url), _) => Some(format!("{url}{path}")),
            (None, Some(KnownHost(host))) => Some(format!("{}://{host}{path}", self.scheme)),
            (None, None) => None,
        }
    }
}
