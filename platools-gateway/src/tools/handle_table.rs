//! [`HandleTable`]: finds the tools of one view by their handles. [`HandleTables`] caches these tables.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::handles::{Named, handles};
use super::view::ToolView;
use crate::catalog::{CatalogTool, ToolSet};
use crate::domain::identity::Identity;
use crate::domain::lock::lock;

/// At most so many tables are kept. With more views than that all of them are made again, which costs time only.
const MAX_TABLES: usize = 1024;

/// The tools of some tool sets, each under its handle.
///
/// The handles depend on all tools of the sets, and not on the caller or the connected workers, so that a tool that is switched off, hidden or
/// offline renames no other.
#[derive(Debug)]
pub(crate) struct HandleTable {
    /// The sets that the table was made of. They are kept, so a set at the same address is the same set.
    sets: Vec<Arc<ToolSet>>,
    /// The identities of the sets.
    identities: Vec<Arc<Identity>>,
    handles: Vec<String>,
    /// The place of a tool by its handle: its set, and its position in it.
    places: HashMap<String, (usize, usize)>,
}

impl HandleTable {
    fn new(sets: Vec<Arc<ToolSet>>) -> Self {
        let places =
            sets.iter().enumerate().flat_map(|(set, tools)| (0..tools.tools.len()).map(move |tool| (set, tool)));
        let handles = {
            let tools = sets.iter().flat_map(|set| set.tools.iter().map(|tool| (&set.identity, tool)));
            let named = tools.map(|(identity, tool)| Named { entity: &identity.entity, name: &tool.declaration.name });
            handles(&named.collect::<Vec<_>>())
        };
        let places = handles.iter().cloned().zip(places).collect();
        let identities = sets.iter().map(|set| Arc::new(set.identity.clone())).collect();
        Self { sets, identities, handles, places }
    }

    /// The tools with their handles: by entity, each worker's in its own order.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (&str, &Arc<Identity>, &Arc<CatalogTool>)> {
        let sets = self.sets.iter().zip(&self.identities);
        let tools = sets.flat_map(|(set, identity)| set.tools.iter().map(move |tool| (identity, tool)));
        self.handles.iter().zip(tools).map(|(handle, (identity, tool))| (&**handle, identity, tool))
    }

    /// The tool of a handle.
    pub(crate) fn find(&self, handle: &str) -> Option<(&Identity, &CatalogTool)> {
        let (set, tool) = *self.places.get(handle)?;
        let set = self.sets.get(set)?;
        Some((&set.identity, set.tools.get(tool)?))
    }

    /// The tools that have a name of their own, which may be no handle: `files.read`.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Identity, &'a CatalogTool)> {
        let sets = self.sets.iter();
        sets.filter_map(move |set| Some((&set.identity, &**set.tool(name)?)))
    }

    fn is_of(&self, sets: &[Arc<ToolSet>]) -> bool {
        self.sets.len() == sets.len() && self.sets.iter().zip(sets).all(|(left, right)| Arc::ptr_eq(left, right))
    }
}

/// The table of each view that was asked for. A table is made again when a worker of the view declares other tools.
#[derive(Debug, Default)]
pub(crate) struct HandleTables(Mutex<HashMap<ToolView, Arc<HandleTable>>>);

impl HandleTables {
    /// The table of a view, which has these sets now.
    pub(crate) fn of(&self, view: &ToolView, sets: Vec<Arc<ToolSet>>) -> Arc<HandleTable> {
        if let Some(table) = lock(&self.0).get(view).filter(|table| table.is_of(&sets)) {
            return Arc::clone(table);
        }
        // Made outside of the lock: it takes a hash for each tool.
        let table = Arc::new(HandleTable::new(sets));
        let mut tables = lock(&self.0);
        if tables.len() >= MAX_TABLES {
            tables.clear();
        }
        tables.insert(view.clone(), Arc::clone(&table));
        table
    }
}

#[cfg(test)]
mod tests {
    use platools_protocol::tool_sync::ToolDeclaration;
    use serde_json::json;

    use super::*;

    fn set(entity: &str, names: &[&str]) -> Arc<ToolSet> {
        let identity = Identity { entity: entity.to_owned(), ..Identity::sample() };
        let declared = names.iter().map(|name| ToolDeclaration::new(*name, "", json!({"type": "object"}))).collect();
        Arc::new(ToolSet::new(identity, ToolSet::declare(None, declared).0))
    }

    fn view() -> ToolView {
        ToolView { environment: Identity::sample().environment_id, entity: None }
    }

    #[test]
    fn a_handle_leads_to_its_tool() {
        let table = HandleTable::new(vec![set("a", &["lookup", "one"]), set("b", &["files.read", "lookup"])]);
        let tools: Vec<_> = table.tools().collect();
        assert_eq!(tools.len(), 4);
        assert_eq!([tools[0].0, tools[1].0, tools[3].0], ["a__lookup", "one", "b__lookup"]);
        for (handle, identity, tool) in tools {
            let (found_identity, found) = table.find(handle).unwrap();
            assert_eq!((&found_identity.entity, &found.declaration.name), (&identity.entity, &tool.declaration.name));
        }
        assert!(table.find("lookup").is_none());
    }

    #[test]
    fn a_table_is_made_once_for_the_same_sets_and_again_for_others() {
        let (tables, one, other) = (HandleTables::default(), set("a", &["lookup"]), set("b", &["lookup"]));
        let table = tables.of(&view(), vec![Arc::clone(&one)]);
        assert!(Arc::ptr_eq(&table, &tables.of(&view(), vec![Arc::clone(&one)])));
        let both = tables.of(&view(), vec![one, other]);
        assert!(table.find("lookup").is_some() && both.find("a__lookup").is_some());
        // A worker that declares the same names anew is another set.
        assert!(!Arc::ptr_eq(&both, &tables.of(&view(), vec![set("a", &["lookup"]), set("b", &["lookup"])])));
    }
}
