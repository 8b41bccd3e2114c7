//! [`EnvironmentProxies`]: finds the HTTP proxy for a target in environment variables such as `HTTPS_PROXY` and `NO_PROXY`.

use std::sync::Arc;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use platools_transport::HostPort;

/// The proxies that the environment names.
#[derive(Debug, Clone)]
pub(super) struct EnvironmentProxies(Arc<Matcher>);

impl EnvironmentProxies {
    /// The proxies of `HTTPS_PROXY` for https targets, `HTTP_PROXY` for http targets and `ALL_PROXY` for both, except for the hosts of
    /// `NO_PROXY`. The lower-case names count as well. User and password in a proxy's URL are sent to it as basic authentication.
    ///
    /// A loopback target has no proxy: on the proxy's machine its address would mean another program.
    pub(super) fn read() -> Self {
        Self::from(Matcher::from_env())
    }

    /// The proxy that serves a target.
    pub(super) fn find(&self, target: &Uri) -> Option<Intercept> {
        if target.host().is_none_or(is_loopback) { None } else { self.0.intercept(target) }
    }
}

impl From<Matcher> for EnvironmentProxies {
    fn from(matcher: Matcher) -> Self {
        Self(Arc::new(matcher))
    }
}

/// True if a URL's host is this machine itself: an address of the loopback, or a name of it.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    HostPort::parse(host).is_some_and(|host| host.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(proxies: &EnvironmentProxies, target: &str) -> Option<String> {
        proxies.find(&target.parse().unwrap()).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn a_target_has_the_proxy_of_its_scheme_unless_it_is_excepted_or_loopback() {
        let matcher = Matcher::builder().https("http://u:p@a:1").all("http://b:2").no("in.example,10.0.0.0/8").build();
        let proxies = EnvironmentProxies::from(matcher);
        assert_eq!(found(&proxies, "https://api.example/v1").as_deref(), Some("http://a:1/"));
        assert_eq!(found(&proxies, "http://api.example").as_deref(), Some("http://b:2/"));
        for target in [
            "https://x.in.example",
            "http://10.1.2.3",
            "http://localhost:11434/v1",
            "http://a.LOCALHOST",
            "http://127.0.0.2",
            "https://[::1]:8443",
        ] {
            assert_eq!(found(&proxies, target), None, "{target}");
        }
    }
}
