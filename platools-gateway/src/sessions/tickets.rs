//! [`Tickets`]: issues the tickets with which agents open sockets, and redeems each once, within a short time. It bounds the valid tickets
//! of one agent. A ticket names the gateway that issued it, so that another one can ask there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};

use crate::authority::secret;
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, GatewayNumber};
use crate::domain::lock::lock;
use crate::domain::random;

/// The number of valid tickets of one agent; a further one replaces the oldest.
const PER_AGENT: usize = 16;

/// The number of digits of its hash by which a ticket is found; the rest is compared in constant time.
const SELECTOR: usize = 16;

/// The valid tickets, as hashes.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    gateway: GatewayNumber,
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    by_selector: HashMap<String, IssuedTicket>,
    /// The selectors of each agent's tickets, oldest first. Those that were used are in here until they would have ended.
    of_agent: HashMap<AgentId, VecDeque<String>>,
}

#[derive(Debug)]
struct IssuedTicket {
    hash: String,
    caller: Caller,
    ends: Instant,
}

impl Tickets {
    /// The tickets of a gateway.
    pub(super) fn new(gateway: GatewayNumber) -> Self {
        Self { gateway, issued: Mutex::default() }
    }

    /// Issues a ticket to an agent. The ticket stands for the credential of `caller`.
    pub(super) fn issue(&self, agent: &AgentId, caller: Caller, lifetime: Duration) -> SecretString {
        let secret = random::hex_of::<32>();
        let ticket = match self.gateway {
            GatewayNumber::ALONE => format!("tkt_{secret}"),
            gateway => format!("tkt_{}_{secret}", gateway.get()),
        };
        let hash = secret::hash(&ticket);
        let selector = selector(&hash).to_owned();
        let mut issued = self.lock();
        let of_agent = issued.of_agent.entry(agent.clone()).or_default();
        of_agent.push_back(selector.clone());
        let oldest = if of_agent.len() > PER_AGENT { of_agent.pop_front() } else { None };
        if let Some(oldest) = oldest {
            issued.by_selector.remove(&oldest);
        }
        issued.by_selector.insert(selector, IssuedTicket { hash, caller, ends: Instant::now() + lifetime });
        ticket.into()
    }

    /// The other gateway that issued a ticket. `None` if this one did, or the ticket names none.
    pub(super) fn other_issuer(&self, ticket: &SecretString) -> Option<GatewayNumber> {
        let (number, _) = ticket.expose_secret().strip_prefix("tkt_")?.split_once('_')?;
        let issuer = number.parse().ok().and_then(GatewayNumber::new)?;
        (issuer != self.gateway).then_some(issuer)
    }

    /// Redeems a ticket, which is not valid afterwards, and returns its caller.
    pub(super) fn take(&self, ticket: &SecretString) -> Option<Caller> {
        self.take_hashed(&hash(ticket))
    }

    /// Redeems a ticket like [`Tickets::take`], by its hash.
    pub(super) fn take_hashed(&self, hash: &str) -> Option<Caller> {
        let mut issued = self.lock();
        let found = issued.by_selector.get(selector(hash)).filter(|found| secret::same(&found.hash, hash))?;
        let is_good = Instant::now() < found.ends;
        let taken = issued.by_selector.remove(selector(hash))?;
        is_good.then_some(taken.caller)
    }

    /// Drops tickets that have ended.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let Issued { by_selector, of_agent } = &mut *self.lock();
        by_selector.retain(|_, ticket| now < ticket.ends);
        of_agent.retain(|_, selectors| {
            selectors.retain(|selector| by_selector.contains_key(selector));
            !selectors.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        // Every section leaves the tables whole, so a panic in another task spoils nothing.
        lock(&self.issued)
    }
}

/// The hash by which a ticket is found.
pub(super) fn hash(ticket: &SecretString) -> String {
    secret::hash(ticket.expose_secret())
}

fn selector(hash: &str) -> &str {
    hash.get(..SELECTOR).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn issue(tickets: &Tickets, agent: &str, lifetime: Duration) -> SecretString {
        tickets.issue(&agent.into(), Caller::sample(agent), lifetime)
    }

    fn whose(tickets: &Tickets, ticket: &SecretString) -> Option<String> {
        tickets.take(ticket).map(|caller| caller.credential.to_string())
    }

    #[test]
    fn a_ticket_is_good_once_for_whoever_got_it() {
        let tickets = Tickets::default();
        let (one, other) = (issue(&tickets, "a", LONG), issue(&tickets, "b", LONG));
        assert_eq!(whose(&tickets, &one).as_deref(), Some("a"));
        assert_eq!(whose(&tickets, &one), None);
        assert_eq!(whose(&tickets, &other).as_deref(), Some("b"));
        assert_eq!(whose(&tickets, &"tkt_".to_owned().into()), None);
    }

    #[test]
    fn a_ticket_that_has_ended_is_good_for_nothing_and_is_forgotten() {
        let tickets = Tickets::default();
        let ticket = issue(&tickets, "a", Duration::ZERO);
        issue(&tickets, "b", Duration::ZERO);
        assert_eq!(whose(&tickets, &ticket), None);
        tickets.sweep();
        let issued = tickets.lock();
        assert!(issued.by_selector.is_empty() && issued.of_agent.is_empty());
    }

    #[test]
    fn an_agent_that_asks_for_many_has_the_latest() {
        let tickets = Tickets::default();
        let other = issue(&tickets, "b", LONG);
        let issued: Vec<_> = (0..=PER_AGENT).map(|_| issue(&tickets, "a", LONG)).collect();
        assert_eq!(whose(&tickets, &issued[0]), None);
        assert!(issued[1..].iter().all(|ticket| whose(&tickets, ticket).is_some()));
        assert!(whose(&tickets, &other).is_some());
    }

    #[test]
    fn a_ticket_names_the_gateway_that_issued_it_unless_that_is_alone() {
        let [one, two] = [1, 2].map(|number| Tickets::new(GatewayNumber::new(number).unwrap()));
        let ticket = issue(&one, "a", LONG);
        assert_eq!((one.other_issuer(&ticket), two.other_issuer(&ticket)), (None, GatewayNumber::new(1)));
        assert_eq!(two.take(&ticket).map(|_| ()), None);
        let taken = one.take_hashed(&hash(&ticket)).unwrap();
        assert_eq!(taken.credential.to_string(), "a");
        assert_eq!(whose(&one, &ticket), None, "it was used");
        for named in [issue(&Tickets::default(), "a", LONG), "tkt_1024_aa".to_owned().into(), "tkt_".to_owned().into()]
        {
            assert_eq!(two.other_issuer(&named), None);
        }
    }

    #[test]
    fn neither_tickets_nor_what_is_kept_of_them_shows() {
        let tickets = Tickets::default();
        let ticket = issue(&tickets, "a", LONG);
        assert!(!format!("{tickets:?}{ticket:?}").contains(ticket.expose_secret()));
    }
}
