//! [`DeclaredTools`]: the tools that one link declared. [`union`] merges those of all links of a scope. `registration` stores the merged
//! set and has its bounds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::tool_set::{CatalogTool, ToolVersion};
use crate::domain::generation::Generation;

/// The complete set of tools that a link declared, in the worker's order.
#[derive(Debug)]
pub(crate) struct DeclaredTools {
    pub(crate) tools: Vec<Arc<CatalogTool>>,
    by_name: HashMap<String, usize>,
    /// The generation of the first link that declared it, and that of the registration. A link that declares the same later, after a
    /// reconnect for example, makes it no newer.
    since: (Generation, Generation),
}

impl DeclaredTools {
    /// The tools that a link declares, with the generation of the link and that of the registration.
    pub(crate) fn new(tools: Vec<Arc<CatalogTool>>, since: (Generation, Generation)) -> Self {
        let by_name = tools.iter().enumerate().map(|(index, tool)| (tool.declaration.name.clone(), index)).collect();
        Self { tools, by_name, since }
    }

    /// The names alone of the tools that a link of another gateway declares, for an entity that is no pool.
    pub(crate) fn named(names: Vec<String>, since: (Generation, Generation)) -> Self {
        let by_name = names.into_iter().enumerate().map(|(index, name)| (name, index)).collect();
        Self { tools: Vec::new(), by_name, since }
    }

    /// The number of the tools.
    pub(crate) fn count(&self) -> usize {
        self.by_name.len()
    }

    /// The names of the tools.
    pub(crate) fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// The generation of the first link that declared it, and that of the registration.
    pub(crate) fn since(&self) -> (Generation, Generation) {
        self.since
    }

    /// A set of one tool, whose description has so many bytes.
    #[cfg(test)]
    pub(crate) fn sample(bytes: usize) -> Arc<Self> {
        let schema = serde_json::json!({"type": "object"});
        let tool = platools_protocol::tool_sync::ToolDeclaration::new("t", "x".repeat(bytes), schema);
        Arc::new(Self::new(vec![Arc::new(CatalogTool::new(tool))], (Generation::now(), Generation::now())))
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.by_name.get(name).and_then(|index| self.tools.get(*index))
    }

    /// True if a tool of that name is declared, in any version.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// True if a tool is declared in this version.
    pub(crate) fn has(&self, version: &ToolVersion<'_>) -> bool {
        self.tool(version.name).is_some_and(|tool| tool.fingerprint == version.fingerprint)
    }

    /// True if it has these tools in this order.
    pub(crate) fn is_made_of(&self, tools: &[Arc<CatalogTool>]) -> bool {
        self.tools.len() == tools.len() && self.tools.iter().zip(tools).all(|(left, right)| Arc::ptr_eq(left, right))
    }

    /// Bytes of all its declarations, as JSON.
    pub(crate) fn bytes(&self) -> usize {
        self.tools.iter().map(|tool| tool.bytes).sum()
    }
}

/// The tools that one or several links of a scope have declared, and whether one of these links is live.
#[derive(Debug, Clone)]
pub(crate) struct MemberTools {
    pub(crate) declared: Arc<DeclaredTools>,
    pub(crate) is_live: bool,
}

/// The tools that the links of a scope declare together. Of several versions of a tool it has the newest that a live link
/// declared, or else the newest that a link declared which has just gone.
pub(crate) fn union(members: &[MemberTools]) -> Vec<Arc<CatalogTool>> {
    let mut newest_first: Vec<_> = members.iter().collect();
    newest_first.sort_by_key(|member| std::cmp::Reverse((member.is_live, member.declared.since)));
    let mut names = HashSet::new();
    let tools = newest_first.into_iter().flat_map(|member| &member.declared.tools);
    tools.filter(|tool| names.insert(tool.declaration.name.as_str())).cloned().collect()
}

/// Bytes of all versions of tools that members have, each counted once.
pub(crate) fn bytes_of_versions(members: &[MemberTools]) -> usize {
    let mut seen = HashSet::new();
    let tools = members.iter().flat_map(|member| &member.declared.tools);
    tools.filter(|tool| seen.insert(Arc::as_ptr(tool))).map(|tool| tool.bytes).sum()
}

#[cfg(test)]
mod tests {
    use platools_protocol::tool_sync::ToolDeclaration;
    use serde_json::json;

    use super::*;

    fn tool(name: &str, description: &str) -> Arc<CatalogTool> {
        Arc::new(CatalogTool::new(ToolDeclaration::new(name, description, json!({"type": "object"}))))
    }

    fn member(tools: &[&Arc<CatalogTool>], is_live: bool) -> MemberTools {
        let tools = tools.iter().map(|tool| Arc::clone(tool)).collect();
        MemberTools { declared: Arc::new(DeclaredTools::new(tools, (Generation::now(), Generation::now()))), is_live }
    }

    fn shown(members: &[MemberTools]) -> Vec<(String, String)> {
        let shown = |tool: Arc<CatalogTool>| (tool.declaration.name.clone(), tool.declaration.description.clone());
        union(members).into_iter().map(shown).collect()
    }

    fn expected(tools: &[(&str, &str)]) -> Vec<(String, String)> {
        tools.iter().map(|&(name, version)| (name.to_owned(), version.to_owned())).collect()
    }

    #[test]
    fn the_union_has_the_newest_version_of_each_tool() {
        let (a1, a2, b, x) = (tool("a", "1"), tool("a", "2"), tool("b", ""), tool("x", ""));
        let (older, newer) = (member(&[&a1, &b], true), member(&[&x, &a2], true));
        let both = expected(&[("x", ""), ("a", "2"), ("b", "")]);
        assert_eq!(shown(&[older.clone(), newer.clone()]), both);
        assert_eq!(shown(&[newer, older]), both, "in whichever order they are listed");
    }

    #[test]
    fn a_version_that_a_live_link_has_goes_before_a_newer_one_of_a_link_that_is_gone() {
        let (a1, a2, x) = (tool("a", "1"), tool("a", "2"), tool("x", ""));
        let (older, newer) = (member(&[&a1], true), member(&[&a2, &x], false));
        assert_eq!(shown(&[older, newer]), expected(&[("a", "1"), ("x", "")]));
    }

    #[test]
    fn a_link_has_the_versions_that_it_declared() {
        let (one, two) = (tool("a", "1"), tool("a", "2"));
        let member = member(&[&one], true);
        assert!(member.declared.has(&one.version()) && !member.declared.has(&two.version()));
        assert!(member.declared.has_name("a") && !member.declared.has_name("b"));
    }

    #[test]
    fn a_version_that_several_links_have_counts_once() {
        let (one, two) = (tool("a", "1"), tool("a", "22"));
        let members = [member(&[&one], true), member(&[&one], true), member(&[&two], false)];
        assert_eq!(bytes_of_versions(&members), one.bytes + two.bytes);
    }
}
