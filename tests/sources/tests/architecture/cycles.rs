//! [`Graph`]: the files of a crate with the imports between them. It finds cycles of files that import each other.
//!
//! An import is a path to an item of another file, in a `use` line, an expression, a type or a macro. A `pub use` and the `mod` line of a
//! child do not count. An import of a re-exported name counts as an import of the file that declares it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, ItemUse, UseTree, Visibility};

use super::{is_for_tests, is_separator, locate};

type ModulePath = Vec<String>;

/// The files of a crate, as module paths; an inline module belongs to its file.
#[derive(Default)]
pub(crate) struct Graph {
    modules: BTreeSet<ModulePath>,
    inline: BTreeSet<ModulePath>,
    /// Paths that modules name, as they are written.
    named: Vec<(ModulePath, Vec<String>)>,
    /// Names that a module has from elsewhere, with their paths as they are written.
    aliases: BTreeMap<(ModulePath, String), Vec<String>>,
    imports: BTreeMap<ModulePath, BTreeMap<ModulePath, BTreeSet<String>>>,
}

/// Files that import each other, directly or through others.
pub(crate) type Component = BTreeSet<ModulePath>;

impl Graph {
    /// Reads a crate from its root file, along its `mod` lines.
    pub(crate) fn read(root: &Path) -> Self {
        let mut graph = Self::default();
        graph.read_file(root, root.parent().expect("a folder"), &[]);
        graph.connect();
        graph
    }

    /// The cycles, the largest first.
    pub(crate) fn cycles(&self) -> Vec<Component> {
        self.components(&self.imports.iter().map(|(file, imports)| (file, imports.keys().collect())).collect())
    }

    /// The cycles between the top-level modules.
    pub(crate) fn folder_cycles(&self) -> Vec<BTreeSet<String>> {
        let tops: BTreeSet<ModulePath> = self.modules.iter().filter_map(|path| path.get(..1)).map(Into::into).collect();
        let mut edges: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = BTreeMap::new();
        let top = |path: &ModulePath| path.get(..1).and_then(|top| tops.get(top));
        for (from, to) in self.imports.iter().flat_map(|(from, to)| to.keys().map(move |to| (from, to))) {
            if let (Some(from), Some(to)) = (top(from), top(to)) {
                edges.entry(from).or_default().insert(to);
            }
        }
        self.components(&edges).into_iter().map(|component| component.into_iter().flatten().collect()).collect()
    }

    /// The imports within a component, a line for each.
    pub(crate) fn explain(&self, component: &Component) -> String {
        let mut lines = vec![format!("{} files import each other:", component.len())];
        for (from, imports) in self.imports.iter().filter(|(from, _)| component.contains(*from)) {
            for (to, names) in imports.iter().filter(|(to, _)| component.contains(*to)) {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                lines.push(format!("  {} -> {} ({})", shown(from), shown(to), names.join(", ")));
            }
        }
        lines.join("\n")
    }

    fn read_file(&mut self, file: &Path, folder: &Path, path: &[String]) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let items = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items;
        self.read_items(items, path, Some((file, folder)));
    }

    /// Reads the items of a module. Without a place of its own, its `mod` lines are not followed.
    fn read_items(&mut self, items: Vec<Item>, path: &[String], place: Option<(&Path, &Path)>) {
        self.modules.insert(path.to_vec());
        for item in items {
            match item {
                Item::Mod(inner) if is_for_tests(&inner.attrs) => {}
                Item::Mod(inner) => {
                    let child = [path, &[inner.ident.to_string()]].concat();
                    match (&inner.content, place) {
                        (Some((_, items)), _) => {
                            self.inline.insert(child.clone());
                            self.read_items(items.clone(), &child, None);
                        }
                        (None, Some((file, folder))) => {
                            let (file, folder) = locate(&inner, file, folder);
                            self.read_file(&file, &folder, &child);
                        }
                        (None, None) => panic!("`{}`: files of inline modules are not looked for", shown(&child)),
                    }
                }
                Item::Use(item) => {
                    if !is_for_tests(&item.attrs) {
                        self.read_use(&item, path);
                    }
                }
                item => {
                    if !is_for_tests(attributes(&item)) {
                        self.read_tokens(item.into_token_stream(), path);
                    }
                }
            }
        }
    }

    fn read_use(&mut self, item: &ItemUse, module: &[String]) {
        let mut leaves = Vec::new();
        if item.leading_colon.is_none() {
            read_tree(&item.tree, &mut Vec::new(), &mut leaves);
        }
        for (path, name) in leaves {
            // A path without `crate`, `self` or `super` is one of a child module or of another crate.
            let path = if is_anchored(&path) { path } else { [vec!["self".to_owned()], path].concat() };
            if matches!(item.vis, Visibility::Inherited) {
                self.named.push((module.to_vec(), path.clone()));
            }
            self.aliases.insert((module.to_vec(), name), path);
        }
    }

    /// Finds the paths anywhere in the tokens, also in those of macros and of functions.
    fn read_tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                // The path of `pub(in crate::a)` imports nothing.
                TokenTree::Ident(_) if at == 1 && tokens[0].to_string() == "in" => {}
                TokenTree::Ident(_) if at < 2 || !is_separator(&tokens[at - 2..at]) => {
                    let mut path = vec![token.to_string()];
                    let mut rest = &tokens[at + 1..];
                    while let [first, second, TokenTree::Ident(name), ..] = rest
                        && is_separator(&[first.clone(), second.clone()])
                    {
                        path.push(name.to_string());
                        rest = &rest[3..];
                    }
                    if path.len() > 1 {
                        self.named.push((module.to_vec(), path));
                    }
                }
                TokenTree::Group(group) => {
                    // A group of a `use` within a function: `use crate::{a::B, c::D}`.
                    match use_group(&tokens[..at]) {
                        Some(base) => self.read_group(&base, group.stream(), module),
                        None => self.read_tokens(group.stream(), module),
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn read_group(&mut self, base: &[String], group: TokenStream, module: &[String]) {
        let text = format!("use {}::{{{group}}};", base.join("::"));
        if let Ok(item) = syn::parse_str::<ItemUse>(&text) {
            let mut leaves = Vec::new();
            read_tree(&item.tree, &mut Vec::new(), &mut leaves);
            self.named.extend(leaves.into_iter().map(|(path, _)| (module.to_vec(), path)));
        }
    }

    /// Finds the files of the paths.
    fn connect(&mut self) {
        for (module, path) in std::mem::take(&mut self.named) {
            let Some(target) = self.resolve(&module, &path, 0) else { continue };
            let (from, to) = (self.file(&module), self.file(&target));
            if from != to {
                let name = path.last().cloned().unwrap_or_default();
                self.imports.entry(from).or_default().entry(to).or_default().insert(name);
            }
        }
    }

    /// The module that declares the item of a path; `None` if it is of another crate.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        // Two globs of each other would go on forever.
        if depth > 8 {
            return None;
        }
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (module.to_vec(), &path[1..]),
            "super" => (module[..module.len().checked_sub(1)?].to_vec(), &path[1..]),
            name => {
                let is_known = self.modules.contains(&[module, &[name.to_owned()]].concat())
                    || self.aliases.contains_key(&(module.to_vec(), name.to_owned()));
                if !is_known {
                    return None;
                }
                (module.to_vec(), path)
            }
        };
        while rest.first().is_some_and(|name| name == "super") {
            at.pop()?;
            rest = &rest[1..];
        }
        let is_local = path[0] == "self" && path.get(1).is_some();
        let mut has_moved = path[0] != "self";
        for (index, name) in rest.iter().enumerate() {
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if self.modules.contains(&child) {
                at = child;
                has_moved = true;
            } else if let Some(alias) = self.aliases.get(&(at.clone(), name.clone()))
                && alias != path
            {
                let path = [alias.as_slice(), &rest[index + 1..]].concat();
                return self.resolve(&at, &path, depth + 1);
            } else {
                break;
            }
        }
        (has_moved || !is_local).then_some(at)
    }

    fn file(&self, module: &[String]) -> ModulePath {
        let mut file = module.to_vec();
        while self.inline.contains(&file) {
            file.pop();
        }
        file
    }

    /// Nodes that reach each other.
    fn components(&self, edges: &BTreeMap<&ModulePath, BTreeSet<&ModulePath>>) -> Vec<Component> {
        let reached: BTreeMap<_, _> = edges.keys().map(|from| (*from, reach(edges, from))).collect();
        let mut components = BTreeSet::new();
        for (from, to) in &reached {
            if to.contains(from) {
                let together = |other: &&&ModulePath| reached.get(**other).is_some_and(|back| back.contains(from));
                components.insert(to.iter().filter(together).map(|path| (*path).clone()).collect::<Component>());
            }
        }
        let mut components: Vec<_> = components.into_iter().filter(|component| component.len() > 1).collect();
        components.sort_by_key(|component| std::cmp::Reverse(component.len()));
        components
    }
}

pub(crate) fn shown(path: &[String]) -> String {
    if path.is_empty() { "the root".to_owned() } else { path.join("::") }
}

fn reach<'a>(
    edges: &BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>,
    from: &ModulePath,
) -> BTreeSet<&'a ModulePath> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<_> = edges.get(from).into_iter().flatten().copied().collect();
    while let Some(next) = ahead.pop() {
        if reached.insert(next) {
            ahead.extend(edges.get(next).into_iter().flatten());
        }
    }
    reached
}

/// The paths of a `use`, each with the name that it gives.
fn read_tree(tree: &UseTree, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            read_tree(&part.tree, path, leaves);
            path.pop();
        }
        UseTree::Name(part) if part.ident == "self" => {
            leaves.push((path.clone(), path.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(part) => {
            let name = part.ident.to_string();
            leaves.push(([&path[..], std::slice::from_ref(&name)].concat(), name));
        }
        UseTree::Rename(part) => {
            leaves.push(([&path[..], &[part.ident.to_string()]].concat(), part.rename.to_string()));
        }
        UseTree::Glob(_) => leaves.push((path.clone(), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| read_tree(tree, path, leaves)),
    }
}

fn is_anchored(path: &[String]) -> bool {
    path.first().is_some_and(|first| ["crate", "self", "super"].contains(&first.as_str()))
}

/// The path before a group of a `use`: the tokens end in `crate::a::`.
fn use_group(tokens: &[TokenTree]) -> Option<Vec<String>> {
    let mut path = Vec::new();
    let mut rest = tokens;
    while let [before @ .., TokenTree::Ident(name), first, second] = rest
        && is_separator(&[first.clone(), second.clone()])
    {
        path.insert(0, name.to_string());
        rest = before;
    }
    is_anchored(&path).then_some(path)
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(text: &str) -> Graph {
        let mut graph = Graph::default();
        graph.read_items(syn::parse_file(text).expect("Rust").items, &[], None);
        // In one text, each module stands for a file.
        graph.inline.clear();
        graph.connect();
        graph
    }

    fn cycles(text: &str) -> Vec<Vec<String>> {
        let shown_all = |component: Component| component.iter().map(|path| shown(path)).collect();
        graph(text).cycles().into_iter().map(shown_all).collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_cycle_in_every_spelling() {
        for import in [
            "use crate::b::Thing;",
            "use super::b::{self, Thing};",
            "use super::{b::Thing as Other, c::Small};",
            "fn f() { crate::b::thing() }",
            "fn f() { use super::b::Thing; }",
            "fn f() { use crate::{b::Thing, c::Small}; }",
            "use crate::b; fn f() { b::thing() }",
            "fn f(_: Vec<super::b::Thing>) {}",
            "use crate::c::Again;",
        ] {
            let text = format!(
                "mod a {{ {import} }} mod b {{ use crate::a; pub struct Thing; }} mod c {{ pub use crate::b::Thing as Again; struct Small; }}"
            );
            assert_eq!(cycles(&text), [["a", "b"]], "{import}");
        }
    }

    #[test]
    fn a_chain_of_imports_is_one_component() {
        let text = "mod a { use crate::b::B; } mod b { use crate::c::C; } mod c { use crate::a::A; } mod d { use crate::a::A; }";
        assert_eq!(cycles(text), [["a", "b", "c"]]);
        let lines = graph(text).explain(&graph(text).cycles()[0]);
        assert!(lines.starts_with("3 files import each other:\n  a -> b (B)\n"), "{lines}");
    }

    #[test]
    fn re_exports_mod_lines_and_tests_make_no_cycle() {
        for text in [
            "mod a { pub use inner::Thing; mod inner { pub struct Thing; } mod user { use super::Thing; } }",
            "mod a { mod inner { use crate::b::B; } } mod b { pub struct B; }",
            "mod a { #[cfg(test)] use crate::b::B; #[cfg(test)] mod tests { use crate::b::B; } } mod b { use crate::a::A; }",
            "mod a { #[cfg(test)] fn f() { crate::b::g() } } mod b { use crate::a::A; }",
            "mod a { use std::a; use b::Foreign; } mod b { use crate::a::A; }",
            "mod a { use crate::a::b::B; mod b { pub(in crate::a) struct B; } }",
        ] {
            assert_eq!(cycles(text), Vec::<Vec<String>>::new(), "{text}");
        }
    }

    #[test]
    fn a_parent_and_a_child_that_use_each_other_are_a_cycle() {
        let text = "mod a { pub struct A; mod inner { use super::A; pub fn g() {} } fn f() { inner::g() } }";
        assert_eq!(cycles(text), [["a", "a::inner"]]);
    }

    #[test]
    fn folders_are_a_cycle_through_whichever_of_their_files() {
        let text =
            "mod a { mod one { use crate::b::B; } mod two { pub struct Two; } } mod b { use crate::a::two::Two; }";
        assert_eq!(cycles(text), Vec::<Vec<String>>::new());
        let expected: BTreeSet<String> = ["a".to_owned(), "b".to_owned()].into();
        assert_eq!(graph(text).folder_cycles(), [expected]);
    }
}
