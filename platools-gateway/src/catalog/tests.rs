//! Tests of registrations in the catalog.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::core::Core;
use crate::directory::Claim;
use crate::domain::identity::Policy;
use crate::limits::Limits;

#[tokio::test]
async fn beside_a_gateway_tools_are_read_when_they_are_needed_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
    assert!(core.catalog.loaded.initialized());
    core.close().await;

    let core = Core::open_existing(folder.path()).await.unwrap();
    core.local_admin().add_agent("buyer", crate::domain::agent_profile::Profile::default()).await.unwrap();
    assert!(!core.catalog.loaded.initialized());
    assert_eq!(core.local_admin().tools(None).await.unwrap().len(), 0);
    assert!(core.catalog.loaded.initialized());
    core.close().await;
}

/// A link of a pool, as the catalog sees it.
struct TestLink {
    generation: Generation,
    membership: StdMutex<Option<Membership>>,
    /// Registrations that were counted.
    counted: AtomicUsize,
}

impl TestLink {
    fn new(others: Vec<MemberTools>) -> Self {
        let membership = StdMutex::new(Some(Membership { others, own: None, is_pool: true }));
        Self { generation: Generation::now(), membership, counted: AtomicUsize::new(0) }
    }

    fn own(&self) -> Arc<DeclaredTools> {
        self.membership.lock().unwrap().as_ref().unwrap().own.clone().unwrap()
    }
}

impl Registrant for TestLink {
    fn generation(&self) -> Generation {
        self.generation
    }

    fn membership(&self) -> Option<Membership> {
        self.membership.lock().unwrap().clone()
    }

    fn admit(&self) -> Result<(), Duration> {
        self.counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn declare(&self, tools: Arc<DeclaredTools>) {
        self.membership.lock().unwrap().as_mut().unwrap().own = Some(tools);
    }
}

const ROOM: Room = Room { scope: 1000, project: 1000 };

/// A gateway's core with a pool.
async fn core() -> (tempfile::TempDir, Core, Identity) {
    let folder = tempfile::tempdir().unwrap();
    let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
    let secret = core.local_admin().add_entity("crew", Policy::Pool).await.unwrap().secret;
    let claim = Claim { secret: Some(secret), ..Claim::default() };
    let link =
        core.authenticator.connect(Generation::now(), claim, std::net::IpAddr::from([127, 0, 0, 1])).await.unwrap();
    let identity = link.identity().clone();
    (folder, core, identity)
}

fn tools(description: &str) -> Vec<ToolDeclaration> {
    vec![ToolDeclaration::new("t", description, json!({"type": "object"}))]
}

#[tokio::test]
async fn a_registration_that_changes_nothing_is_not_counted_and_prepares_nothing() {
    let (_folder, core, identity) = core().await;
    let first = TestLink::new(Vec::new());
    core.catalog.register(&identity, tools(""), ROOM, &first).await.unwrap();
    core.catalog.register(&identity, tools(""), ROOM, &first).await.unwrap();
    assert_eq!(first.counted.load(Ordering::Relaxed), 1);
    let second = TestLink::new(vec![MemberTools { declared: first.own(), is_live: true }]);
    core.catalog.register(&identity, tools(""), ROOM, &second).await.unwrap();
    assert_eq!(second.counted.load(Ordering::Relaxed), 0);
    assert!(Arc::ptr_eq(&first.own(), &second.own()), "both have the same prepared tools");
    core.close().await;
}

#[tokio::test]
async fn a_link_that_was_replaced_registers_nothing() {
    let (_folder, core, identity) = core().await;
    let link = TestLink::new(Vec::new());
    *link.membership.lock().unwrap() = None;
    let outcome = core.catalog.register(&identity, tools(""), ROOM, &link).await.unwrap();
    assert!(matches!(outcome, Replacement::Superseded), "{outcome:?}");
    assert!(core.catalog.set(&identity.scope()).is_none());
    core.close().await;
}

#[tokio::test]
async fn a_registration_is_not_written_over_one_of_a_later_generation() {
    let (_folder, core, identity) = core().await;
    let link = TestLink::new(Vec::new());
    link.membership.lock().unwrap().as_mut().unwrap().is_pool = false;
    // As another gateway with the same database would, which has a newer link of the worker.
    assert!(core.store.replace_tools(&identity.scope(), Generation::now(), &[]).await.unwrap());
    let outcome = core.catalog.register(&identity, tools(""), ROOM, &link).await.unwrap();
    assert!(matches!(outcome, Replacement::Superseded), "{outcome:?}");
    assert!(core.catalog.set(&identity.scope()).is_none());
    assert!(core.store.tools().await.unwrap().is_empty());
    core.close().await;
}

#[tokio::test]
async fn versions_of_tools_have_a_bound_of_their_own() {
    let (_folder, core, identity) = core().await;
    let mut others = Vec::new();
    for number in 0..8 {
        let link = TestLink::new(others.clone());
        let declared = tools(&number.to_string().repeat(500));
        match core.catalog.register(&identity, declared, ROOM, &link).await.unwrap() {
            Replacement::Done { .. } => others.push(MemberTools { declared: link.own(), is_live: true }),
            Replacement::TooLarge(too_large) => {
                assert_eq!(too_large.room, 4 * ROOM.scope);
                break;
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    // Each has some 600 bytes, so one fits into the catalog, and six into the versions.
    assert_eq!(others.len(), 6);
    core.close().await;
}

#[tokio::test]
async fn tools_of_links_that_are_gone_make_room_for_others() {
    let (_folder, core, identity) = core().await;
    let gone = TestLink::new(Vec::new());
    let large = |name: &str| vec![ToolDeclaration::new(name, "x".repeat(500), json!({"type": "object"}))];
    core.catalog.register(&identity, large("gone"), ROOM, &gone).await.unwrap();
    let link = TestLink::new(vec![MemberTools { declared: gone.own(), is_live: false }]);
    let outcome = core.catalog.register(&identity, large("here"), ROOM, &link).await.unwrap();
    let Replacement::Done { changes, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((changes.added, changes.pruned), (1, 1));
    core.close().await;
}
