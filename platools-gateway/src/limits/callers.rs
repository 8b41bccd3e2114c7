//! Functions of [`Limiter`] that admit or refuse requests, chats and waiting bytes of callers.

use std::net::IpAddr;

use super::{ConcurrencyPermit, HeldBytes, Limiter, OverBudget, SOON, network, too_much};
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Credential};

/// A permit for one chat, counted among the chats in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct ChatPermits {
    _of_key: ConcurrencyPermit<String>,
    _of_all: ConcurrencyPermit<()>,
}

impl Limiter {
    /// Counts a request that is no call, or a call under an idempotency key before its body is read. A caller without a credential counts as its address.
    pub(crate) fn count_request(&self, caller: &Caller, from: IpAddr) -> Result<(), Error> {
        if caller.credential == Credential::Nothing {
            return self.count_request_from(from);
        }
        let taken = self.requests.take(&caller.credential.to_string());
        taken.map_err(|wait| too_much("too many requests in a second", wait))
    }

    /// Counts a request without a credential.
    pub(crate) fn count_request_from(&self, from: IpAddr) -> Result<(), Error> {
        let taken = self.anonymous_requests.take(&network(from));
        taken.map_err(|wait| too_much("too many requests without a key from this address in a second", wait))
    }

    /// Lets a caller begin a chat.
    pub(crate) fn admit_chat(&self, caller: &Caller) -> Result<ChatPermits, Error> {
        let caller = caller.credential.to_string();
        self.chats.take(&caller).map_err(|wait| too_much("too many chats in a second", wait))?;
        let of_key = self.chats_in_flight.take(caller);
        let of_key = of_key.ok_or_else(|| too_much("too many chats of this key or token are under way", SOON))?;
        let of_all = self.all_chats_in_flight.take(());
        let of_all = of_all.ok_or_else(|| too_much("too many chats are under way in this gateway", SOON))?;
        Ok(ChatPermits { _of_key: of_key, _of_all: of_all })
    }

    /// Counts a message that waits for a caller with that credential, unless it is short.
    ///
    /// # Errors
    /// Too much waits already.
    pub(crate) fn waiting_message(&self, credential: &str, bytes: usize) -> Result<Option<HeldBytes>, OverBudget> {
        self.waiting.hold(credential, bytes)
    }

    /// Counts a response that waits for its reader at an address, unless it is short.
    ///
    /// # Errors
    /// Too much waits already.
    pub(crate) fn waiting_response(&self, from: IpAddr, bytes: usize) -> Result<Option<HeldBytes>, OverBudget> {
        self.waiting.hold(&network(from).to_string(), bytes)
    }

    /// Begins to count the bytes of one request that a credential sends.
    pub(crate) fn body_of(&self, credential: String) -> HeldBytes {
        self.bodies.begin(credential)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::num::NonZeroU32;

    use super::super::Limits;
    use super::*;
    use crate::domain::error::ErrorKind;
    use crate::settings::count as number;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn limiter(change: impl FnOnce(&mut Limits)) -> Limiter {
        let mut limits = Limits::default();
        change(&mut limits);
        Limiter::new(&limits)
    }

    fn stranger() -> Caller {
        Caller { credential: Credential::Nothing, ..Caller::sample("") }
    }

    #[test]
    fn requests_count_for_the_key_or_else_for_the_address() {
        let limiter = limiter(|limits| {
            limits.key.calls_per_second = NonZeroU32::MIN;
            limits.key.requests_per_second = NonZeroU32::MIN;
            limits.address.requests_per_second = NonZeroU32::MIN;
        });
        for caller in [Caller::sample("key_1"), stranger()] {
            for _ in 0..2 {
                limiter.count_request(&caller, HERE).unwrap();
            }
            let refused = limiter.count_request(&caller, HERE).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::RateLimited);
            assert!(refused.wait().is_some());
        }
        limiter.count_request(&Caller::sample("key_2"), HERE).unwrap();
        limiter.count_request(&stranger(), "10.0.0.1".parse().unwrap()).unwrap();
    }

    #[test]
    fn as_many_requests_as_calls_are_let_through() {
        let limiter = limiter(|limits| limits.key.requests_per_second = NonZeroU32::MIN);
        for _ in 0..1000 {
            limiter.count_request(&Caller::sample("key_1"), HERE).unwrap();
        }
    }

    #[test]
    fn chats_have_a_rate_and_places_of_their_own() {
        let limiter = limiter(|limits| {
            limits.key.chats_in_flight = number(2);
            limits.total.chats_in_flight = number(3);
        });
        let of = |key: &str| limiter.admit_chat(&Caller::sample(key));
        let refused = |key: &str| of(key).unwrap_err().to_string();
        let (first, _second) = (of("key_1").unwrap(), of("key_1").unwrap());
        assert!(refused("key_1").contains("of this key or token"), "{}", refused("key_1"));
        let _third = of("key_2").unwrap();
        assert!(refused("key_2").contains("in this gateway"), "{}", refused("key_2"));
        drop(first);
        of("key_2").unwrap();
    }
}
