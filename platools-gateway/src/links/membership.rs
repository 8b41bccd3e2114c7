//! Functions of [`Links`] that tell which tools the links of a scope declared, with the links that have just left a pool.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::departed_tools::keep_gone;
use super::live_link::LiveLink;
use super::table::{LinkTable, Links};
use crate::catalog::{DeclaredTools, MemberTools, Membership, ToolVersion};
use crate::domain::generation::Generation;
use crate::domain::identity::{Policy, Scope};
use crate::domain::lock::{read, write};

impl LiveLink {
    /// The tools that the link has declared.
    pub(super) fn declared(&self) -> Option<Arc<DeclaredTools>> {
        read(&self.declared).clone()
    }

    /// True if the link has a tool in this version. A link without others has it in whichever version: while it declares another
    /// one, the catalog may still have the version before.
    pub(super) fn has(&self, tool: &ToolVersion<'_>) -> bool {
        let declared = read(&self.declared);
        declared.as_ref().is_some_and(|declared| match self.policy {
            Policy::Supersede => declared.has_name(tool.name),
            Policy::Pool => declared.has(tool),
        })
    }
}

impl LinkTable {
    pub(super) fn live_of(&self, scope: &Scope) -> &[Arc<LiveLink>] {
        self.live.get(scope).map_or(&[], Vec::as_slice)
    }

    /// The tools of the links of a scope, those of links that have just gone included, without those of one link.
    fn members(&self, scope: &Scope, except: Option<Generation>, now: Instant) -> Vec<MemberTools> {
        let others = self.live_of(scope).iter().filter(|live| Some(live.generation) != except);
        let live = others.filter_map(|live| live.declared()).map(|declared| MemberTools { declared, is_live: true });
        let gone = self.gone.get(scope).into_iter().flatten().filter(|gone| !gone.is_over(now));
        let gone = gone.map(|gone| MemberTools { declared: Arc::clone(&gone.declared), is_live: false });
        let mut seen = HashSet::new();
        // Links that are live come first, so a set that both have is live.
        live.chain(gone).filter(|member| seen.insert(Arc::as_ptr(&member.declared))).collect()
    }

    /// Takes a link's tools out with it. Says whether no other live link has declared exactly the same.
    pub(super) fn forget_tools(&mut self, scope: &Scope, ended: &LiveLink, now: Instant) -> bool {
        let Some(declared) = ended.declared() else { return false };
        let has_same = |live: &Arc<LiveLink>| live.declared().is_some_and(|other| Arc::ptr_eq(&other, &declared));
        if self.live_of(scope).iter().any(has_same) {
            return false;
        }
        if ended.policy == Policy::Pool {
            keep_gone(self.gone.entry(scope.clone()).or_default(), declared, now);
            if !self.live_of(scope).is_empty() {
                self.departed.insert(scope.clone());
                self.departures.notify_one();
            }
        }
        true
    }
}

impl Links {
    /// The tools of a scope, as a link that registers finds them; `None` if the link has ended or a newer one took its place.
    pub(crate) fn membership(&self, scope: &Scope, generation: Generation) -> Option<Membership> {
        let state = self.lock();
        let live = state.live_of(scope).iter().find(|live| live.generation == generation)?;
        let is_pool = live.policy == Policy::Pool;
        let others = if is_pool { state.members(scope, Some(generation), Instant::now()) } else { Vec::new() };
        Some(Membership { others, own: live.declared(), is_pool })
    }

    /// The tools of the links of a scope, those of links that have just gone included.
    pub(crate) fn members(&self, scope: &Scope) -> Vec<MemberTools> {
        self.lock().members(scope, None, Instant::now())
    }

    /// Notes which tools a link has declared. A link that ended after it had declared the same is back.
    pub(crate) fn declare(&self, scope: &Scope, generation: Generation, declared: Arc<DeclaredTools>) {
        {
            let mut state = self.lock();
            if let Some(gone) = state.gone.get_mut(scope) {
                gone.retain(|gone| !Arc::ptr_eq(&gone.declared, &declared));
            }
            let Some(live) = state.live_of(scope).iter().find(|live| live.generation == generation) else { return };
            *write(&live.declared) = Some(Arc::clone(&declared));
            if let Some(observer) = self.link_observer.as_ref().filter(|_| live.is_local()) {
                observer.declared(live, &declared);
            }
        }
        self.link_changed(scope);
    }

    /// Keeps tools for a while as those of links that have just gone.
    pub(crate) fn keep_stored(&self, stored: Vec<(Scope, Arc<DeclaredTools>)>) {
        let (mut state, now) = (self.lock(), Instant::now());
        for (scope, declared) in stored {
            keep_gone(state.gone.entry(scope).or_default(), declared, now);
        }
    }

    /// The number of links of a scope.
    pub(crate) fn count_in(&self, scope: &Scope) -> usize {
        self.lock().live_of(scope).len()
    }

    /// Has the tools of a pool united again, if it has links at this gateway: another one may not have known their tools.
    pub(crate) fn unite_again(&self, scope: &Scope) {
        let mut state = self.lock();
        if state.live_of(scope).iter().any(|live| live.is_local() && live.policy == Policy::Pool) {
            state.departed.insert(scope.clone());
            state.departures.notify_one();
        }
    }

    /// Waits until links of pools ended that had tools which no other link of theirs has in the same versions, and returns their
    /// scopes. Cancel-safe.
    pub(crate) async fn departed(&self) -> HashSet<Scope> {
        loop {
            let (departed, departures) = {
                let mut state = self.lock();
                (std::mem::take(&mut state.departed), Arc::clone(&state.departures))
            };
            if !departed.is_empty() {
                return departed;
            }
            departures.notified().await;
        }
    }

    /// Forgets takeovers that are long over, of scopes without a worker.
    pub(super) fn sweep_takeovers(&self) {
        let mut state = self.lock();
        let LinkTable { takeovers, live, .. } = &mut *state;
        takeovers.sweep(Instant::now(), |scope| live.contains_key(scope));
    }

    /// Forgets the tools of links that ended long ago.
    pub(super) fn sweep_gone(&self) {
        let now = Instant::now();
        self.lock().gone.retain(|_, gone| {
            gone.retain(|gone| !gone.is_over(now));
            !gone.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::super::departed_tools::{GONE_BYTES, GONE_SETS};
    use super::*;
    use crate::catalog::GRACE;
    use crate::domain::identity::Identity;
    use crate::domain::ids::LinkId;
    use crate::links::NewLink;

    fn scope() -> Scope {
        Scope { entity: "ent".into(), environment: "env".into() }
    }

    #[tokio::test]
    async fn tools_of_links_that_are_gone_are_kept_within_bounds() {
        let now = Instant::now();
        let mut gone = Vec::new();
        for _ in 0..GONE_SETS + 10 {
            keep_gone(&mut gone, DeclaredTools::sample(0), now);
        }
        assert_eq!(gone.len(), GONE_SETS);
        let latest = DeclaredTools::sample(GONE_BYTES / 2);
        for declared in [DeclaredTools::sample(GONE_BYTES / 2), Arc::clone(&latest)] {
            keep_gone(&mut gone, declared, now);
        }
        let kept: Vec<_> = gone.iter().map(|gone| Arc::as_ptr(&gone.declared)).collect();
        assert_eq!(kept, [Arc::as_ptr(&latest)], "the oldest make room");
        // Links with the same tools count once, and begin a new time.
        keep_gone(&mut gone, Arc::clone(&latest), now + GRACE / 2);
        assert_eq!((gone.len(), gone[0].since), (1, now + GRACE / 2));
    }

    fn chosen(links: &Links, tools: &DeclaredTools) -> Option<LinkId> {
        let scope = Identity::sample().scope();
        links.choose(&scope, &tools.tools[0].version()).map(|live| live.id.clone())
    }

    #[tokio::test]
    async fn a_call_goes_to_a_link_that_has_the_tool_in_its_version_and_stays() {
        let (links, scope) = (Links::default(), Identity::sample().scope());
        let pool = [links.attach(NewLink::sample(Policy::Pool)), links.attach(NewLink::sample(Policy::Pool))];
        let versions = [DeclaredTools::sample(1), DeclaredTools::sample(2)];
        assert_eq!(chosen(&links, &versions[0]), None, "nothing was declared");
        for (link, version) in pool.iter().zip(&versions) {
            links.declare(&scope, link.fence().generation(), Arc::clone(version));
        }
        for (link, version) in pool.iter().zip(&versions) {
            for _ in 0..20 {
                assert_eq!(chosen(&links, version).as_ref(), Some(link.id()));
            }
        }
        assert_eq!(chosen(&links, &DeclaredTools::sample(3)), None);
        pool[0].fence().note_drain();
        assert_eq!(chosen(&links, &versions[0]), None);
        assert!(links.is_online(&scope, &versions[0].tools[0].version()), "it is connected");
        drop(pool);
        assert!(!links.is_online(&scope, &versions[0].tools[0].version()));
    }

    #[tokio::test]
    async fn a_link_without_others_has_a_tool_in_whichever_version() {
        let links = Links::default();
        let link = links.attach(NewLink::sample(Policy::Supersede));
        links.declare(&Identity::sample().scope(), link.fence().generation(), DeclaredTools::sample(1));
        assert_eq!(chosen(&links, &DeclaredTools::sample(2)).as_ref(), Some(link.id()));
    }

    #[tokio::test]
    async fn a_pool_is_looked_at_again_when_it_loses_tools_with_a_link() {
        let (links, scope) = (Links::default(), Identity::sample().scope());
        let (older, newer) = (DeclaredTools::sample(1), DeclaredTools::sample(2));
        let pool = [&older, &older, &newer].map(|declared| {
            let link = links.attach(NewLink::sample(Policy::Pool));
            links.declare(&scope, link.fence().generation(), Arc::clone(declared));
            link
        });
        let [one, other, newest] = pool;
        drop(one);
        assert!(links.departed().now_or_never().is_none(), "another link has the same tools");
        drop(newest);
        assert_eq!(links.departed().await.into_iter().collect::<Vec<_>>(), [scope]);
        drop(other);
        assert!(links.departed().now_or_never().is_none(), "without any link nothing is decided");
    }

    #[tokio::test]
    async fn the_tools_of_a_link_that_is_gone_are_members_for_a_while() {
        let (mut state, now) = (LinkTable::default(), Instant::now());
        keep_gone(state.gone.entry(scope()).or_default(), DeclaredTools::sample(0), now);
        let members = |after| state.members(&scope(), None, now + after);
        let member = members(GRACE - Duration::from_millis(1));
        assert!(member.len() == 1 && !member[0].is_live);
        assert!(members(GRACE).is_empty());
    }
}
