//! [`ToolSet`]: the tools of one scope in the catalog. [`CatalogTool`] is one of them.

use std::collections::HashMap;
use std::sync::Arc;

use platools::ToolDefinition;
use platools::tool::ResultRule;
use platools_protocol::tool_sync::ToolDeclaration;
use platools_protocol::tool_sync::annotation::has_strict_arguments;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::background::offload::offload;
use crate::catalog::schema::ToolSchemas;
use crate::domain::digest::sha256;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Identity;
use crate::domain::tool::StoredTool;
use crate::ports::time::now_ms;

/// A tool in one version: its name, and the fingerprint of its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToolVersion<'a> {
    pub(crate) name: &'a str,
    pub(crate) fingerprint: &'a str,
}

/// A tool of the catalog.
#[derive(Debug)]
pub(crate) struct CatalogTool {
    pub(crate) declaration: ToolDeclaration,
    /// A hash of the declaration. Equal declarations have equal fingerprints.
    pub(crate) fingerprint: String,
    /// Time of the last change of the declaration, in milliseconds since 1970.
    pub(crate) changed_ms: i64,
    /// Bytes of the declaration, as JSON.
    pub(crate) bytes: usize,
    /// Prepared at once for a tool that is declared, and when it is first needed for one that was stored: a start would
    /// otherwise take the longer, the more tools there are.
    arguments: OnceCell<Arc<ToolSchemas>>,
    /// Made when results are first checked, or the tool is first listed with its output schema.
    results: OnceCell<Arc<ResultRule>>,
}

/// The complete set of tools of one entity in one environment.
#[derive(Debug, Clone)]
pub(crate) struct ToolSet {
    pub(crate) identity: Identity,
    pub(crate) tools: Vec<Arc<CatalogTool>>,
    by_name: HashMap<String, usize>,
}

/// The changes of a registration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The number of tools after it.
    pub count: u64,
    /// The number of new tools.
    pub added: u64,
    /// The number of tools that are declared differently.
    pub updated: u64,
    /// The number of tools that are gone.
    pub pruned: u64,
}

impl Changes {
    /// True if anything changed.
    pub(crate) fn is_any(&self) -> bool {
        self.added + self.updated + self.pruned > 0
    }
}

impl CatalogTool {
    pub(crate) fn new(declaration: ToolDeclaration) -> Self {
        let text = text_of(&declaration);
        let arguments = OnceCell::new_with(Some(Arc::new(prepare(&declaration))));
        Self {
            declaration,
            fingerprint: fingerprint(&text),
            changed_ms: now_ms(),
            bytes: text.len(),
            arguments,
            results: OnceCell::new(),
        }
    }

    /// The schemas that check the tool's arguments. They are prepared on a blocking thread.
    pub(crate) async fn arguments(self: &Arc<Self>) -> Result<Arc<ToolSchemas>, Error> {
        let prepare = async || {
            let tool = Arc::clone(self);
            spawn_blocking(move || Arc::new(prepare(&tool.declaration))).await.map_err(|error| {
                Error::new(ErrorKind::InvalidArguments, "the tool's schema cannot be prepared").caused_by(error)
            })
        };
        self.arguments.get_or_try_init(prepare).await.cloned()
    }

    /// The check of the tool's results, by the definition that clients see. It is made once, on a blocking thread.
    pub(crate) async fn results(&self, shown: impl AsyncFnOnce() -> ToolDefinition) -> Arc<ResultRule> {
        let rule = async || {
            let shown = shown().await;
            let bytes = if shown.output_schema.is_some() { usize::MAX } else { 0 };
            offload(bytes, move || Arc::new(ResultRule::of(&shown))).await
        };
        Arc::clone(self.results.get_or_init(rule).await)
    }

    /// The tool in this version.
    pub(crate) fn version(&self) -> ToolVersion<'_> {
        ToolVersion { name: &self.declaration.name, fingerprint: &self.fingerprint }
    }

    pub(crate) fn row(&self) -> StoredTool {
        let Self { declaration, fingerprint, changed_ms, .. } = self;
        StoredTool { declaration: declaration.clone(), fingerprint: fingerprint.clone(), changed_ms: *changed_ms }
    }
}

impl From<StoredTool> for CatalogTool {
    fn from(row: StoredTool) -> Self {
        let StoredTool { declaration, fingerprint, changed_ms } = row;
        let bytes = text_of(&declaration).len();
        Self { declaration, fingerprint, changed_ms, bytes, arguments: OnceCell::new(), results: OnceCell::new() }
    }
}

fn prepare(declaration: &ToolDeclaration) -> ToolSchemas {
    let ToolDeclaration { name, input_schema, output_schema, .. } = declaration;
    let schemas = ToolSchemas::new(input_schema, output_schema.as_ref());
    let schemas = if has_strict_arguments(&declaration.annotations) { schemas.strict() } else { schemas };
    if let Some(reason) = schemas.unused_because() {
        tracing::warn!(
            tool.name = name,
            reason,
            "schema of a tool cannot be used: models do not see the tool, and its arguments are not checked; correct the schema"
        );
    } else if !schemas.unchecked().is_empty() {
        let parts = schemas.unchecked().join(", ");
        tracing::info!(tool.name = name, parts, "schema of a tool has parts that are not checked");
    }
    schemas
}

fn text_of(declaration: &ToolDeclaration) -> String {
    serde_json::to_string(declaration).expect("a declaration that was read can be written")
}

fn fingerprint(text: &str) -> String {
    sha256(text).chars().take(32).collect()
}

impl ToolSet {
    pub(crate) fn new(identity: Identity, tools: Vec<Arc<CatalogTool>>) -> Self {
        let by_name = tools.iter().enumerate().map(|(index, tool)| (tool.declaration.name.clone(), index)).collect();
        Self { identity, tools, by_name }
    }

    /// Bytes of all its declarations, as JSON.
    pub(crate) fn bytes(&self) -> usize {
        self.tools.iter().map(|tool| tool.bytes).sum()
    }

    /// The names of the tools, in the order of their declaration, that do not fit into so many bytes.
    pub(crate) fn past(&self, bytes: usize) -> Vec<String> {
        let mut sum = 0_usize;
        let tools = self.tools.iter().filter(|tool| {
            sum = sum.saturating_add(tool.bytes);
            sum > bytes
        });
        tools.map(|tool| tool.declaration.name.clone()).collect()
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.by_name.get(name).and_then(|index| self.tools.get(*index))
    }

    /// True if another set has the very same tools in the same order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.tools.len() == other.tools.len()
            && self.tools.iter().zip(&other.tools).all(|(left, right)| Arc::ptr_eq(left, right))
    }

    /// True if another set has the very same tools, in any order.
    pub(crate) fn has_same_tools(&self, other: &Self) -> bool {
        let is_there =
            |tool: &Arc<CatalogTool>| other.tool(&tool.declaration.name).is_some_and(|there| Arc::ptr_eq(there, tool));
        self.tools.len() == other.tools.len() && self.tools.iter().all(is_there)
    }

    /// The changes since an earlier set of the same scope.
    pub(crate) fn changes_since(&self, before: Option<&Self>) -> Changes {
        let mut changes = Changes { count: self.tools.len() as u64, ..Changes::default() };
        let mut kept = 0;
        for tool in &self.tools {
            match before.and_then(|set| set.tool(&tool.declaration.name)) {
                Some(same) if Arc::ptr_eq(same, tool) => kept += 1,
                Some(_) => (kept, changes.updated) = (kept + 1, changes.updated + 1),
                None => changes.added += 1,
            }
        }
        changes.pruned = before.map_or(0, |set| set.tools.len() as u64) - kept;
        changes
    }

    /// The tools of a worker that declares these, without any other link, and what is different from before.
    #[cfg(test)]
    pub(crate) fn declare(before: Option<&Self>, declared: Vec<ToolDeclaration>) -> (Vec<Arc<CatalogTool>>, Changes) {
        let known = |declaration: &ToolDeclaration| {
            let old = before.and_then(|set| set.tool(&declaration.name));
            old.filter(|old| old.declaration == *declaration).cloned()
        };
        let tool = |declaration| known(&declaration).unwrap_or_else(|| Arc::new(CatalogTool::new(declaration)));
        let set = Self::new(Identity::sample(), declared.into_iter().map(tool).collect());
        let changes = set.changes_since(before);
        (set.tools, changes)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str, description: &str) -> ToolDeclaration {
        ToolDeclaration::new(name, description, json!({"type": "object"}))
    }

    fn set(declared: Vec<ToolDeclaration>) -> ToolSet {
        let identity = Identity::sample();
        ToolSet::new(identity, ToolSet::declare(None, declared).0)
    }

    #[test]
    fn changes_count_what_is_new_different_and_gone() {
        let before = set(vec![tool("a", ""), tool("b", ""), tool("c", "")]);
        let after = vec![tool("c", "other"), tool("a", ""), tool("d", ""), tool("e", "")];
        let (tools, changes) = ToolSet::declare(Some(&before), after);
        assert_eq!(changes, Changes { count: 4, added: 2, updated: 1, pruned: 1 });
        assert!(Arc::ptr_eq(&tools[1], before.tool("a").unwrap()), "unchanged, with the time of its last change");
        assert_ne!(tools[0].fingerprint, before.tool("c").unwrap().fingerprint);
    }

    #[tokio::test]
    async fn the_schema_of_a_stored_tool_is_prepared_once_and_when_it_is_needed() {
        let declared = Arc::new(CatalogTool::new(tool("a", "")));
        assert!(declared.arguments.initialized());
        let stored = Arc::new(CatalogTool::from(declared.row()));
        assert!(!stored.arguments.initialized());
        let (one, other) = tokio::join!(stored.arguments(), stored.arguments());
        assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    }

    #[test]
    fn the_tools_that_do_not_fit_are_named_in_their_order() {
        let set = set(vec![tool("a", &"x".repeat(100)), tool("b", &"x".repeat(100)), tool("c", "")]);
        assert_eq!(set.past(set.bytes()), [""; 0]);
        assert_eq!(set.past(set.bytes() - 1), ["c"]);
        assert_eq!(set.past(set.tools[0].bytes), ["b", "c"]);
        assert_eq!(CatalogTool::from(set.tools[0].row()).bytes, set.tools[0].bytes, "the same after a restart");
    }

    #[test]
    fn an_empty_registration_prunes_all() {
        let before = set(vec![tool("a", ""), tool("b", "")]);
        let (_, changes) = ToolSet::declare(Some(&before), Vec::new());
        assert_eq!(changes, Changes { count: 0, added: 0, updated: 0, pruned: 2 });
    }
}
