//! [`BrowserSessionId`]: the id of a browser's session, with the gateway that opened it.

use secrecy::{ExposeSecret as _, SecretString};

use crate::authority::secret::{self, SecretKind};
use crate::domain::ids::GatewayNumber;

/// The id of a browser's session: the hash of the secret that the browser has, and the gateway that opened it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BrowserSessionId {
    pub(super) hash: String,
    pub(super) gateway: GatewayNumber,
}

/// The beginning of every secret.
const PREFIX: &str = "plt_session_";

impl BrowserSessionId {
    pub(super) fn of(secret: &SecretString) -> Self {
        let text = secret.expose_secret();
        let number = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).map(|(number, _)| number);
        let gateway = number.and_then(|number| number.parse().ok()).and_then(GatewayNumber::new);
        Self { hash: secret::hash(text), gateway: gateway.unwrap_or(GatewayNumber::ALONE) }
    }
}

/// A new secret for a session. One of several gateways has its number in it, so that the others can ask there.
pub(super) fn new_secret(gateway: GatewayNumber) -> SecretString {
    let secret = secret::generate(SecretKind::Browser);
    match secret.expose_secret().strip_prefix(PREFIX) {
        Some(random) if gateway != GatewayNumber::ALONE => format!("{PREFIX}{}_{random}", gateway.get()).into(),
        _ => secret,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_names_its_gateway_unless_that_is_alone() {
        for number in [0, 1, 1023] {
            let gateway = GatewayNumber::new(number).unwrap();
            let secret = new_secret(gateway);
            assert!(secret.expose_secret().starts_with(PREFIX));
            assert_eq!(BrowserSessionId::of(&secret).gateway, gateway);
        }
        for text in ["", "plt_session_1024_a", "plt_session_x_a", "plt_session_a"] {
            assert_eq!(BrowserSessionId::of(&text.to_owned().into()).gateway, GatewayNumber::ALONE, "{text}");
        }
    }
}
