//! Tests that a snapshot with all changes equals one that is read from the start.

use super::*;
use crate::domain::entity::NewSecret;
use crate::domain::identity::Credential;
use crate::domain::project::ProjectName;
use crate::domain::token::StoredToken;
use crate::ports::store::Storage;
use crate::store::SqlStore;

/// A database with a project, and what the directory has of it.
struct Bench {
    store: Arc<dyn Storage>,
    project: ProjectId,
    snapshot: DirectorySnapshot,
    _folder: tempfile::TempDir,
}

fn token_signer(folder: &std::path::Path) -> TokenSigner {
    TokenSigner::new(crate::authority::SigningKeySource::default(), Some(folder))
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Storage> = Arc::new(SqlStore::open(folder.path()).await.unwrap());
        let project = store.default_project().await.unwrap();
        let snapshot = DirectorySnapshot::new(store.directory().await.unwrap(), token_signer(folder.path()));
        Self { store, project, snapshot, _folder: folder }
    }

    /// Applies what changed, and checks that it comes to the same as to read everything, also from an earlier version on.
    async fn check(&mut self, earlier: &DirectorySnapshot) {
        let update = self.store.directory_since(self.snapshot.revision).await.unwrap().expect("the changes are known");
        self.snapshot = self.snapshot.updated(update);
        let all = self.store.directory_since(earlier.revision).await.unwrap().expect("the changes are known");
        let fresh = DirectorySnapshot::new(self.store.directory().await.unwrap(), self.snapshot.token_signer.clone());
        assert_eq!(contents(&self.snapshot), contents(&fresh));
        assert_eq!(contents(&earlier.updated(all)), contents(&fresh));
    }

    fn entity(&self, slug: &str, project: &ProjectId) -> (Entity, EntitySecret) {
        let entity = Entity::sample(project, slug);
        let secret = EntitySecret::sample(&entity.id);
        (entity, secret)
    }

    fn agent(&self, slug: &str, project: &ProjectId) -> Agent {
        Agent::sample(project, slug)
    }

    fn key(&self, agent: Option<&AgentId>, project: &ProjectId) -> StoredKey {
        StoredKey { agent_id: agent.cloned(), ..StoredKey::sample(project) }
    }

    fn token(&self, id: &str) -> StoredToken {
        StoredToken {
            id: id.to_owned(),
            signed_by: "k".to_owned(),
            expires_ms: i64::MAX,
            ..StoredToken::blank(self.project.clone())
        }
    }
}

/// Everything in a snapshot, in an order that does not depend on how it came about.
fn contents(snapshot: &DirectorySnapshot) -> Vec<String> {
    let DirectorySnapshot { entities, entity_slugs, agents, secrets, keys, disabled_tools, revoked_tokens, .. } =
        snapshot;
    let parts =
        snapshot.projects.iter().map(|(_, part)| format!("{:?}", ProjectPart { revision: 0, ..(**part).clone() }));
    let entities = entities.iter().map(|(id, entry)| {
        let mut entry = (**entry).clone();
        entry.secrets.sort_unstable();
        format!("{id:?} {entry:?}")
    });
    let disabled = disabled_tools.iter().filter(|(_, names)| !names.is_empty());
    let disabled = disabled
        .map(|(scope, names)| format!("{scope:?} {:?}", names.iter().collect::<std::collections::BTreeSet<_>>()));
    let mut all: Vec<String> = parts.chain(entities).chain(disabled).collect();
    all.extend(entity_slugs.iter().map(|entry| format!("{entry:?}")));
    all.extend(agents.iter().map(|entry| format!("{entry:?}")));
    all.extend(secrets.iter().map(|entry| format!("{entry:?}")));
    all.extend(keys.iter().map(|entry| format!("{entry:?}")));
    all.extend(revoked_tokens.iter().map(|entry| format!("{entry:?}")));
    all.extend(snapshot.secrets_by_selector.iter().map(|entry| format!("{entry:?}")));
    all.extend(snapshot.keys_by_selector.iter().map(|entry| format!("{entry:?}")));
    all.sort_unstable();
    all
}

#[tokio::test]
async fn changes_come_to_the_same_as_reading_everything() {
    let mut bench = Bench::new().await;
    let (store, project) = (bench.store.clone(), bench.project.clone());
    let start = bench.snapshot.clone();
    let environment = start.environments(&project)[0].id.clone();

    let (entity, secret) = bench.entity("orders", &project);
    store.add_entity(&entity, &secret, 10).await.unwrap();
    bench.check(&start).await;
    let scope = Scope { entity: entity.id.clone(), environment: environment.clone() };
    store.disable_tool(&scope, "a").await.unwrap();
    store.disable_tool(&scope, "b").await.unwrap();
    store.enable_tool(&scope, "a").await.unwrap();
    let new = SecretId::random();
    let new = NewSecret { entity_id: &entity.id, id: &new, hash: new.as_str(), others_expire_ms: i64::MAX };
    store.rotate_secret(&new).await.unwrap();
    bench.check(&start).await;
    assert!(!bench.snapshot.is_enabled(&scope, "b") && bench.snapshot.is_enabled(&scope, "a"));
    assert_eq!(bench.snapshot.current_secret(&entity.id).unwrap().id, *new.id);

    let agent = bench.agent("helper", &project);
    store.add_agent(&agent, 10).await.unwrap();
    let keys = [bench.key(Some(&agent.id), &project), bench.key(None, &project), bench.key(None, &project)];
    for key in &keys {
        store.add_key(key, &[Credential::Nothing], 10).await.unwrap();
    }
    bench.check(&start).await;
    store.remove_key(&project, &keys[2].id).await.unwrap();
    // Another one of the same slug, at once.
    store.remove_agent(&agent.id).await.unwrap();
    store.add_agent(&bench.agent("helper", &project), 10).await.unwrap();
    store.remove_entity(&entity.id).await.unwrap();
    let (again, secret) = bench.entity("orders", &project);
    store.add_entity(&again, &secret, 10).await.unwrap();
    bench.check(&start).await;
    assert_eq!(bench.snapshot.keys_of(&project).len(), 1, "the agent's key went with it");
    assert_eq!(bench.snapshot.entity_named(&project, "orders").unwrap().id, again.id);

    let middle = bench.snapshot.clone();
    store.add_environment(&project, "qa", 10).await.unwrap();
    bench.check(&middle).await;
    let qa = bench.snapshot.environments(&project).iter().find(|environment| environment.slug == "qa").unwrap();
    let of_qa = Scope { entity: again.id.clone(), environment: qa.id.clone() };
    store.disable_tool(&of_qa, "c").await.unwrap();
    bench.check(&middle).await;
    store.remove_environment(&of_qa.environment).await.unwrap();
    bench.check(&middle).await;
    for id in ["one", "other"] {
        store.add_token(&bench.token(id), &[], 10).await.unwrap();
        store.revoke_token(&project, id, 1).await.unwrap();
        bench.check(&middle).await;
    }

    let shop: ProjectName = "acme/shop".parse().unwrap();
    store.add_project(&shop).await.unwrap();
    bench.check(&middle).await;
    let shop = bench.snapshot.project_named(&shop).unwrap().id.clone();
    let (entity, secret) = bench.entity("orders", &shop);
    store.add_entity(&entity, &secret, 10).await.unwrap();
    store.add_agent(&bench.agent("helper", &shop), 10).await.unwrap();
    store.add_key(&bench.key(None, &shop), &[], 10).await.unwrap();
    bench.check(&middle).await;
    store.remove_entity(&again.id).await.unwrap();
    bench.check(&start).await;
    assert!(bench.snapshot.has_entity_named("orders"), "that of the other project");
    store.remove_project(&shop).await.unwrap();
    bench.check(&start).await;
    assert!(!bench.snapshot.has_entity_named("orders"));
    store.close().await;
}

#[tokio::test]
async fn a_change_leaves_other_projects_and_other_rows_as_they_are() {
    let mut bench = Bench::new().await;
    let (store, project) = (bench.store.clone(), bench.project.clone());
    store.add_project(&"acme/shop".parse().unwrap()).await.unwrap();
    let agent = bench.agent("helper", &project);
    store.add_agent(&agent, 10).await.unwrap();
    let start = bench.snapshot.clone();
    bench.check(&start).await;
    let before = bench.snapshot.clone();
    let shop = before.project_named(&"acme/shop".parse().unwrap()).unwrap().id.clone();
    store.add_agent(&bench.agent("other", &shop), 10).await.unwrap();
    bench.check(&before).await;
    let (now, was) = (bench.snapshot.agents.get(&agent.id).unwrap(), before.agents.get(&agent.id).unwrap());
    assert!(Arc::ptr_eq(now, was), "no row of another project is read again");
    assert!(bench.snapshot.has_changed_since(&shop, before.revision));
    assert!(!bench.snapshot.has_changed_since(&project, before.revision));
    assert!(bench.snapshot.has_changed_since(&"prj_gone".into(), before.revision));
    store.close().await;
}
