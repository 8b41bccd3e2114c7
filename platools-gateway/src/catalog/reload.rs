//! Functions of `Catalog` for the tools that other gateways write and that their links declare.

use std::collections::HashMap;
use std::sync::Arc;

use platools_protocol::tool_sync::ToolDeclaration;

use super::Catalog;
use super::link_tools::{DeclaredTools, MemberTools};
use super::registration::{Membership, Plan, in_background, shared};
use super::tool_set::{CatalogTool, ToolSet};
use crate::domain::error::Error;
use crate::domain::generation::Generation;
use crate::domain::identity::Scope;
use crate::domain::lock::{read, write};
use crate::domain::tool::StoredTool;

impl Catalog {
    /// Reads the tools of a scope, which another gateway has written. Tools in the versions that are known stay as they are.
    ///
    /// # Errors
    /// The database failed; the catalog is as it was.
    pub(crate) async fn reload(&self, scope: &Scope) -> Result<(), Error> {
        self.load().await?;
        let writing = self.writing(scope);
        let mut writing = writing.lock().await;
        let rows = self.store.tools_of(scope).await?;
        let before = self.set(scope);
        let known = |row: StoredTool| {
            let known = before.as_ref().and_then(|set| set.tool(&row.declaration.name));
            let known = known.filter(|tool| tool.fingerprint == row.fingerprint);
            known.cloned().unwrap_or_else(|| Arc::new(CatalogTool::from(row)))
        };
        let identity = rows.first().map(|(identity, _)| identity.clone());
        let tools = rows.into_iter().map(|(_, row)| known(row)).collect();
        match identity {
            Some(identity) => self.insert(ToolSet::new(identity, tools)),
            None => write(&self.index).remove(scope),
        }
        writing.unsettled = false;
        Ok(())
    }

    /// The scopes whose stored tools differ from those in memory.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn differing(&self) -> Result<Vec<Scope>, Error> {
        self.load().await?;
        let mut stored: HashMap<Scope, Vec<(String, String)>> = HashMap::new();
        for (identity, row) in self.store.tools().await? {
            stored.entry(identity.scope()).or_default().push((row.declaration.name, row.fingerprint));
        }
        let index = read(&self.index);
        let is_same = |set: &ToolSet| {
            let rows = stored.get(&set.identity.scope());
            rows.is_some_and(|rows| {
                let tools = set.tools.iter().map(|tool| (tool.declaration.name.as_str(), tool.fingerprint.as_str()));
                tools.eq(rows.iter().map(|(name, fingerprint)| (name.as_str(), fingerprint.as_str())))
            })
        };
        let in_memory: HashMap<_, _> = index.sets().map(|set| (set.identity.scope(), is_same(set))).collect();
        let new = stored.keys().filter(|scope| !in_memory.contains_key(*scope)).cloned();
        let different = in_memory.iter().filter(|(_, is_same)| !**is_same).map(|(scope, _)| scope.clone());
        Ok(new.chain(different).collect())
    }

    /// Makes sure that what is written from now on is later than another gateway's write.
    pub(crate) fn observe(&self, generation: Generation) {
        self.clock.observe(generation);
    }

    /// The tools that a link of another gateway declares for a pool, shared with those of links that declare the same.
    ///
    /// # Errors
    /// The tools cannot be prepared.
    pub(crate) async fn declared_by_remote_link(
        &self,
        scope: &Scope,
        tools: Vec<ToolDeclaration>,
        since: (Generation, Generation),
        members: Vec<MemberTools>,
    ) -> Result<Arc<DeclaredTools>, Error> {
        let membership = Membership { others: members, own: None, is_pool: true };
        let before = self.set(scope);
        let tools = {
            let membership = membership.clone();
            in_background(move || Plan::new(before.as_deref(), &membership, tools).prepare()).await?
        };
        Ok(shared(tools, since, &membership))
    }
}
