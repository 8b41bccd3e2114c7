//! Web pages that may connect where nobody has to prove anything.
//!
//! A browser lets any page open a socket to this machine, and only says where the page is from. Without this check, every page
//! that somebody looks at could call tools of a gateway that runs without authentication.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

/// What pages from elsewhere are told.
pub(super) const REFUSAL: &str = "a gateway without authentication serves pages of this machine only";

/// Whether it is no web page that connects, or one that this machine served.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    origin.as_ref().and_then(Uri::host).is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_and_programs_are_local() {
        let is_local =
            |origin: &'static str| is_local(&HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]));
        assert!(super::is_local(&HeaderMap::new()));
        for origin in ["http://localhost:3000", "http://LOCALHOST", "https://127.0.0.1", "http://[::1]:8080"] {
            assert!(is_local(origin), "{origin}");
        }
        for origin in
            ["null", "", "https://example.com", "http://localhost.example.com", "http://127.0.0.1.example.com"]
        {
            assert!(!is_local(origin), "{origin}");
        }
    }
}
