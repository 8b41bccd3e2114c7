//! Checks the imports in the sources against the tables of ARCHITECTURE.md.
//!
//! Every path that begins with `crate` or `super` counts, in a `use` line or elsewhere. Code that is compiled only for tests does not
//! count.

#[path = "architecture/cycles.rs"]
mod cycles;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Item, ItemMod};

use cycles::Graph;

/// Allowed imports of the top-level modules of a crate: other top-level modules, or single items of them.
struct Table {
    rules: &'static [Rule],
    /// Modules that every other may import, and that import none.
    leaves: &'static [&'static str],
    /// Modules that may import anything; the root is the empty name.
    free: &'static [&'static str],
}

type Rule = (&'static str, &'static [&'static str]);

/// The table in ARCHITECTURE.md.
const SDK: Table = Table {
    rules: &[
        ("tool", &[]),
        ("registry", &["tool"]),
        ("dispatch", &["registry", "tool"]),
        ("link", &["dispatch", "registry", "tool"]),
        ("client", &["link", "dispatch::Limits", "registry", "tool"]),
        ("mcp", &["tool"]),
        ("serve", &["dispatch", "mcp", "registry", "tool"]),
    ],
    leaves: &["blocking_threads", "connection", "sliding_window"],
    // They name what users and expanded macros need, wherever it is.
    free: &["", "__private", "macros"],
};

const PROTOCOL: Table = Table {
    rules: &[
        ("tool_sync", &["json_members"]),
        ("rpc", &["json_members"]),
        ("runtime", &["json_members"]),
        ("signature", &[]),
        ("json_members", &[]),
    ],
    leaves: &["error_details", "json", "log_level", "truncate"],
    free: &[""],
};

const CLIENT: Table =
    Table { rules: &[("rpc", &[]), ("runtime", &[])], leaves: &["builder", "connection"], free: &[""] };

const GATEWAY: Table = Table {
    rules: &[
        ("domain", &[]),
        (
            "admin",
            &[
                "audit",
                "authority",
                "catalog",
                "connections",
                "directory",
                "domain",
                "feed",
                "limits",
                "links",
                "ports",
                "tools",
            ],
        ),
        (
            "agents",
            &[
                "arguments",
                "authority",
                "background",
                "calls",
                "directory",
                "domain",
                "limits",
                "pending",
                "ports",
                "settings",
                "tools",
            ],
        ),
        ("arguments", &["background", "domain"]),
        ("audit", &["background", "domain", "ports", "settings"]),
        ("authority", &["domain", "ports", "settings"]),
        ("background", &["domain", "ports"]),
        (
            "calls",
            &[
                "arguments",
                "authority",
                "background",
                "catalog",
                "directory",
                "domain",
                "journal",
                "limits",
                "links",
                "pending",
                "ports",
                "settings",
                "tools",
            ],
        ),
        ("catalog", &["arguments", "background", "domain", "ports"]),
        (
            "cluster",
            &[
                "admin",
                "background",
                "calls",
                "catalog",
                "connections",
                "domain",
                "feed",
                "limits",
                "links",
                "pending",
                "ports",
                "sessions",
            ],
        ),
        ("connections", &["audit", "authority", "directory", "domain", "limits", "links", "ports", "settings"]),
        (
            "core",
            &[
                "admin",
                "agents",
                "audit",
                "authority",
                "background",
                "calls",
                "catalog",
                "cluster",
                "connections",
                "directory",
                "domain",
                "feed",
                "journal",
                "limits",
                "links",
                "ops",
                "pending",
                "ports",
                "sessions",
                "settings",
                "store",
                "tools",
            ],
        ),
        ("dev", &["admin", "agents", "authority", "domain", "gateway", "listen", "model", "ops", "settings"]),
        ("directory", &["authority", "domain", "ports"]),
        ("dto", &["admin", "audit", "domain", "links", "ports", "tools"]),
        (
            "feed",
            &[
                "audit",
                "authority",
                "background",
                "catalog",
                "connections",
                "directory",
                "domain",
                "journal",
                "links",
                "ports",
                "settings",
                "tools",
            ],
        ),
        (
            "gateway",
            &[
                "admin",
                "agents",
                "audit",
                "authority",
                "calls",
                "cluster",
                "core",
                "domain",
                "feed",
                "journal",
                "limits",
                "listen",
                "model",
                "ops",
                "pending",
                "ports",
                "sessions",
                "settings",
                "store",
                "tls",
            ],
        ),
        ("journal", &["arguments", "authority", "background", "catalog", "domain", "ports", "settings"]),
        ("limits", &["domain", "settings"]),
        ("links", &["authority", "catalog", "directory", "domain", "limits", "pending", "ports"]),
        (
            "listen",
            &[
                "admin",
                "agents",
                "arguments",
                "audit",
                "authority",
                "background",
                "calls",
                "catalog",
                "cluster",
                "connections",
                "core",
                "directory",
                "domain",
                "dto",
                "feed",
                "journal",
                "limits",
                "links",
                "ops",
                "pending",
                "ports",
                "sessions",
                "settings",
                "tls",
                "tools",
            ],
        ),
        ("model", &["agents", "domain", "net", "settings", "tools"]),
        ("settings", &["domain"]),
        ("net", &["domain"]),
        (
            "ops",
            &[
                "admin",
                "agents",
                "authority",
                "background",
                "calls",
                "catalog",
                "cluster",
                "connections",
                "directory",
                "domain",
                "feed",
                "journal",
                "limits",
                "links",
                "ports",
                "sessions",
                "settings",
                "tools",
            ],
        ),
        ("pending", &["domain", "limits", "settings"]),
        ("ports", &["domain"]),
        (
            "sessions",
            &["audit", "authority", "background", "connections", "directory", "domain", "limits", "ports", "settings"],
        ),
        ("store", &["background", "domain", "ports"]),
        ("tls", &["background", "domain", "ports"]),
        ("tools", &["arguments", "authority", "catalog", "directory", "domain", "links", "ports"]),
        // Parts of the program, which has a root of its own.
        ("bridge", &[]),
        ("cli", &["bridge", "logs", "otlp", "signals", "systemd"]),
        ("logs", &[]),
        ("otlp", &[]),
        ("signals", &[]),
        ("systemd", &[]),
    ],
    leaves: &[],
    free: &[""],
};

/// The web frameworks and sockets that the gateway's core knows nothing of.
const PROTOCOLS: &[&str] =
    &["axum", "hyper", "opentelemetry", "rmcp", "tokio_tungstenite", "tower", "tower_http", "tungstenite"];

/// Folders of the gateway that no protocol reaches into.
const SERVICES: &[&str] = &[
    "admin",
    "agents",
    "arguments",
    "audit",
    "authority",
    "background",
    "calls",
    "catalog",
    "connections",
    "core",
    "directory",
    "domain",
    "feed",
    "journal",
    "limits",
    "links",
    "ops",
    "pending",
    "ports",
    "sessions",
    "store",
    "tools",
];

/// What the gateway's protocols have in common; it knows none of them.
const SHARED: &[&str] = &["http", "params", "ws"];

#[test]
fn the_sdk_imports_what_its_table_allows() {
    assert_none(import_violations(&read_crate("platools/src/lib.rs"), &SDK));
    assert_none(import_violations(&read_crate("platools-protocol/src/lib.rs"), &PROTOCOL));
    assert_none(import_violations(&read_crate("platools-client/src/lib.rs"), &CLIENT));
}

#[test]
fn the_gateway_imports_one_way() {
    assert_none(import_violations(&read_crate("platools-gateway/src/lib.rs"), &GATEWAY));
    assert_none(import_violations(&read_crate("platools-gateway/src/main.rs"), &GATEWAY));
}

#[test]
fn the_gateways_protocols_never_import_each_other() {
    assert_none(sibling_violations(&read_crate("platools-gateway/src/lib.rs"), "listen", SHARED));
}

#[test]
fn the_gateways_services_and_store_know_no_protocol() {
    let modules = read_crate("platools-gateway/src/lib.rs");
    assert_none(naming_violations(&modules, SERVICES, PROTOCOLS));
}

/// Roles are compared in one folder only; a comparison elsewhere would be a second rule.
#[test]
fn only_the_gateways_authority_compares_roles() {
    let compares = |code: &str| {
        let code: String = code.split_whitespace().collect();
        let before = ["role<", "role>", "role()<", "role()>"].iter().any(|text| code.contains(text));
        before || ["<Role::", ">Role::", "<=Role::", ">=Role::"].iter().any(|text| code.contains(text))
    };
    assert!(compares("caller.role >= Role::Admin") && compares("self.role < method.role"));
    assert!(!compares("pub role: Role, Option<Role>") && !compares("role == Role::Viewer"));
    let mut violations = Vec::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platools-gateway/src")) {
        let text = fs::read_to_string(&path).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_authority = path.components().any(|part| part.as_os_str() == "authority");
        if !is_authority && code.lines().any(compares) {
            violations.push(format!("{} compares roles; ask `authority::authorize`", path.display()));
        }
    }
    assert_none(violations);
}

/// Files that import each other, in each crate: so many at most. The numbers only go down, and the goal is none.
const FILES_IN_CYCLES: &[(&str, usize)] = &[
    ("platools/src/lib.rs", 0),
    ("platools-attributes/src/lib.rs", 0),
    ("platools-bus/src/lib.rs", 0),
    ("platools-cli/src/main.rs", 0),
    ("platools-client/src/lib.rs", 0),
    ("platools-gateway/src/lib.rs", 0),
    ("platools-gateway/src/main.rs", 0),
    ("platools-macros/src/lib.rs", 0),
    ("platools-protocol/src/lib.rs", 0),
    ("platools-transport/src/lib.rs", 0),
];

/// Top-level modules that import each other. The list only shrinks, and the goal is none.
const FOLDERS_IN_CYCLES: &[(&str, &[&str])] = &[];

#[test]
fn files_and_folders_do_not_import_each_other() {
    let mut violations = Vec::new();
    for (root, most) in FILES_IN_CYCLES {
        let graph = Graph::read(&crate_root(root));
        let cycles = graph.cycles();
        let files: usize = cycles.iter().map(BTreeSet::len).sum();
        if files > *most {
            violations.push(format!("{root}: {files} files are in cycles, {most} were before"));
            violations.extend(cycles.iter().map(|cycle| graph.explain(cycle)));
        }
        let known = FOLDERS_IN_CYCLES.iter().find(|(known, _)| known == root).map_or(&[][..], |(_, folders)| folders);
        for cycle in graph.folder_cycles() {
            if !cycle.iter().all(|folder| known.contains(&folder.as_str())) {
                violations.push(format!("{root}: these modules import each other: {cycle:?}"));
            }
        }
    }
    assert_none(violations);
}

#[test]
fn core_has_its_methods_in_one_file() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platools-gateway/src"));
    let others = sources.iter().filter(|path| !path.ends_with("src/core.rs"));
    let has_impl = |path: &&PathBuf| {
        let text = fs::read_to_string(path).expect("a source");
        text.lines().any(|line| line.starts_with("impl Core "))
    };
    let files = others.filter(has_impl).map(|path| format!("{} has an `impl Core`", path.display()));
    assert_none(files.collect());
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn only_the_local_server_and_what_it_shares_with_the_gateway_know_their_protocol() {
    let modules = read_crate("platools/src/lib.rs");
    let others: Vec<_> =
        SDK.rules.iter().map(|(name, _)| *name).filter(|name| !["mcp", "serve"].contains(name)).collect();
    assert_none(naming_violations(&modules, &others, &["rmcp"]));
}

impl Table {
    /// What a module may import; `None` if it is not known.
    fn allowed(&self, module: &str) -> Option<Vec<&str>> {
        if self.leaves.contains(&module) {
            return Some(Vec::new());
        }
        let (_, may_use) = self.rules.iter().find(|(name, _)| *name == module)?;
        Some([may_use, self.leaves].concat())
    }
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "see ARCHITECTURE.md for what may import what:\n{}", violations.join("\n"));
}

/// A file or inline module, without its tests.
struct Module {
    /// From the crate's root, which is the empty path.
    path: Vec<String>,
    /// Absolute paths of everything it names through `crate` or `super`.
    imports: BTreeSet<Vec<String>>,
    /// Every identifier in it.
    names: BTreeSet<String>,
}

impl Module {
    fn top(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

fn import_violations(modules: &[Module], table: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    for module in modules.iter().filter(|module| !table.free.contains(&module.top())) {
        let Some(allowed) = table.allowed(module.top()) else {
            violations
                .push(format!("`{}` has no rule: say in ARCHITECTURE.md and here what it may import", module.top()));
            continue;
        };
        for import in &module.imports {
            let path = import.join("::");
            let is_within = |outer: &str| path == outer || path.starts_with(&format!("{outer}::"));
            if !is_within(module.top()) && !allowed.iter().any(|allowed| is_within(allowed)) {
                violations.push(format!("`{}` may not import `crate::{path}`", module.path.join("::")));
            }
        }
    }
    violations
}

/// Modules below `parent` that import one another, though what they import is not `shared`.
fn sibling_violations(modules: &[Module], parent: &str, shared: &[&str]) -> Vec<String> {
    let siblings: BTreeSet<_> = modules
        .iter()
        .filter(|module| module.top() == parent)
        .filter_map(|module| module.path.get(1))
        .filter(|sibling| !shared.contains(&sibling.as_str()))
        .collect();
    let mut violations = Vec::new();
    for module in modules.iter().filter(|module| module.top() == parent && module.path.len() > 1) {
        for import in module.imports.iter().filter(|import| import[0] == parent) {
            if import.get(1).is_some_and(|other| *other != module.path[1] && siblings.contains(other)) {
                violations.push(format!("`{}` may not import `crate::{}`", module.path.join("::"), import.join("::")));
            }
        }
    }
    violations
}

/// Modules that name something by a word they may not know.
fn naming_violations(modules: &[Module], tops: &[&str], words: &[&str]) -> Vec<String> {
    modules
        .iter()
        .filter(|module| tops.contains(&module.top()))
        .flat_map(|module| {
            let named = words.iter().filter(|word| module.names.contains(**word));
            named.map(|word| format!("`{}` may not name `{word}`", module.path.join("::")))
        })
        .collect()
}

/// Reads a crate from its root file, along its `mod` lines.
fn read_crate(root: &str) -> Vec<Module> {
    let file = crate_root(root);
    let folder = file.parent().expect("a folder").to_owned();
    let mut modules = Vec::new();
    read_file(&file, &folder, &[], &mut modules);
    modules
}

fn crate_root(root: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(root)
}

/// `folder` is where the files of child modules are.
fn read_file(file: &Path, folder: &Path, path: &[String], modules: &mut Vec<Module>) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let items = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items;
    for module in read_items(items, path, modules) {
        let (file, folder) = locate(&module, file, folder);
        read_file(&file, &folder, &child(path, &module), modules);
    }
}

/// The file of `mod name;`, and the folder of its children.
fn locate(module: &ItemMod, parent: &Path, folder: &Path) -> (PathBuf, PathBuf) {
    let name = module.ident.to_string();
    if let Some(named) = module.attrs.iter().find_map(path_attribute) {
        let file = parent.parent().expect("a folder").join(named);
        let folder = file.parent().expect("a folder").to_owned();
        return (file, folder);
    }
    let folder = folder.join(&name);
    let beside = folder.with_extension("rs");
    (if beside.exists() { beside } else { folder.join("mod.rs") }, folder)
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    pair.path.is_ident("path").then(|| text.value())
}

/// Takes a module's own items, and those of inline modules in it, and returns the modules that are in files of their own.
fn read_items(items: Vec<Item>, path: &[String], modules: &mut Vec<Module>) -> Vec<ItemMod> {
    let mut module = Module { path: path.to_vec(), imports: BTreeSet::new(), names: BTreeSet::new() };
    let mut files = Vec::new();
    for item in items {
        match item {
            Item::Mod(inner) if is_for_tests(&inner.attrs) => {}
            Item::Mod(inner) if inner.content.is_none() => files.push(inner),
            Item::Mod(inner) => {
                let path = child(path, &inner);
                let (_, items) = inner.content.expect("an inline module");
                let within = read_items(items, &path, modules);
                assert!(within.is_empty(), "`{}`: files of inline modules are not looked for", path.join("::"));
            }
            // A `use` or another item that is there in tests only.
            Item::Use(item) if is_for_tests(&item.attrs) => {}
            item => read_tokens(item.into_token_stream(), &mut module),
        }
    }
    modules.push(module);
    files
}

fn child(path: &[String], module: &ItemMod) -> Vec<String> {
    [path, &[module.ident.to_string()]].concat()
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string().replace(' ', "") == "#[cfg(test)]")
}

/// Finds the paths anywhere in the tokens, also in those of macros.
fn read_tokens(tokens: TokenStream, module: &mut Module) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) => {
                module.names.insert(word.to_string());
                // A `super` that follows another is a part of the same path.
                if at < 2 || !is_separator(&tokens[at - 2..at]) {
                    read_path(&tokens[at..], module);
                }
            }
            TokenTree::Group(group) => read_tokens(group.stream(), module),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Reads the path at the beginning of the tokens, if it is one into the crate.
fn read_path(tokens: &[TokenTree], module: &mut Module) {
    let mut base = match tokens[0].to_string().as_str() {
        "crate" => Vec::new(),
        "super" => parent(&module.path),
        _ => return,
    };
    let mut rest = &tokens[1..];
    while rest.len() > 2 && is_separator(&rest[..2]) && rest[2].to_string() == "super" {
        base = parent(&base);
        rest = &rest[3..];
    }
    // Without a separator it is no path: `pub(crate)`.
    if rest.len() > 2 && is_separator(&rest[..2]) {
        read_rest(base, rest, &mut module.imports);
    }
}

fn parent(path: &[String]) -> Vec<String> {
    path.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default()
}

/// Follows `::a::b`, into the groups of a `use`.
fn read_rest(mut path: Vec<String>, mut rest: &[TokenTree], imports: &mut BTreeSet<Vec<String>>) {
    while rest.len() > 2 && is_separator(&rest[..2]) {
        match &rest[2] {
            TokenTree::Ident(name) => path.push(name.to_string()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let tokens: Vec<_> = group.stream().into_iter().collect();
                for part in tokens.split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',')) {
                    read_part(&path, part, imports);
                }
                return;
            }
            // `::*`, or the generics of a value: what they are about is in the path.
            _ => break,
        }
        rest = &rest[3..];
    }
    imports.insert(path);
}

/// A part of a group: a name, and the path or group behind it.
fn read_part(path: &[String], part: &[TokenTree], imports: &mut BTreeSet<Vec<String>>) {
    match part.first() {
        Some(TokenTree::Ident(name)) if name != "self" => {
            read_rest([path, &[name.to_string()]].concat(), &part[1..], imports);
        }
        Some(_) => drop(imports.insert(path.to_vec())),
        None => {}
    }
}

fn is_separator(tokens: &[TokenTree]) -> bool {
    tokens.iter().all(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        rules: &[("low", &[]), ("high", &["low", "side::Item"]), ("side", &[])],
        leaves: &["leaf"],
        free: &[""],
    };

    /// The modules of a made-up crate in one text.
    fn crate_of(text: &str) -> Vec<Module> {
        let mut modules = Vec::new();
        read_items(syn::parse_file(text).expect("Rust").items, &[], &mut modules);
        modules
    }

    fn violations(text: &str) -> Vec<String> {
        import_violations(&crate_of(text), &TABLE)
    }

    #[test]
    fn what_the_table_allows_is_no_violation() {
        let text = "
            pub(crate) use high::Thing;
            mod low { pub(crate) struct Deep; mod deeper { use super::Deep; use super::super::low::Deep as Same; } }
            mod side { pub(in crate::side) struct Item; use crate::leaf::Small; }
            mod leaf { pub(super) struct Small; }
            mod high {
                //! About [`crate::nowhere`].
                use crate::{low::Deep, side::Item};
                use super::low;
                fn f() { panic!(\"crate::nowhere\") }
            }
        ";
        assert_eq!(violations(text), [""; 0]);
    }

    #[test]
    fn imports_are_found_in_every_spelling() {
        for import in [
            "use crate::high::Thing;",
            "use crate::high;",
            "use crate::high::*;",
            "use crate::high::{Thing, other::{self, Part}};",
            "use crate::{low::Deep, high::Thing};",
            "use crate::{low::{self, Deep}, high};",
            "use super::high::Thing;",
            "use super::{low, high::Thing};",
            "pub(crate) use crate::high::Thing as Other;",
            "fn f(_: &crate::high::Thing) {}",
            "fn f() { let _ = Vec::<crate::high::Thing>::new(); }",
            "fn f() { select! { thing = crate::high::thing() => {} } }",
            "impl crate::high::Trait for Deep {}",
            "#[derive(crate::high::Derive)] struct Deep;",
            "mod deeper { use super::super::high::Thing; }",
            "mod deeper { mod deepest { fn f() { super::super::super::high::thing() } } }",
        ] {
            let found = violations(&format!("mod low {{ {import} }}"));
            assert!(!found.is_empty() && found.iter().all(|line| line.contains("crate::high")), "{import}: {found:?}");
        }
    }

    #[test]
    fn a_leaf_imports_nothing() {
        assert_eq!(violations("mod leaf { use crate::low; }"), ["`leaf` may not import `crate::low`"]);
    }

    #[test]
    fn a_single_item_is_not_its_whole_module() {
        assert_eq!(violations("mod high { use crate::side::Other; }"), ["`high` may not import `crate::side::Other`"]);
        assert_eq!(violations("mod high { use crate::side; }"), ["`high` may not import `crate::side`"]);
    }

    #[test]
    fn the_names_of_the_root_are_no_way_around_the_table() {
        assert_eq!(violations("mod low { use crate::Thing; }"), ["`low` may not import `crate::Thing`"]);
        assert_eq!(violations("mod low { use super::*; }"), ["`low` may not import `crate::`"]);
    }

    #[test]
    fn a_module_without_a_rule_is_a_violation() {
        assert!(violations("mod new {}")[0].starts_with("`new` has no rule"));
    }

    #[test]
    fn tests_may_import_anything() {
        let text =
            "mod low { #[cfg(test)] use crate::high::Thing; #[cfg(test)] mod tests { use crate::high::Thing; } }";
        assert_eq!(violations(text), [""; 0]);
    }

    #[test]
    fn siblings_that_import_each_other_are_found() {
        let apart =
            "mod listen { pub struct Shared; mod rest { use super::Shared; } mod sync { use super::sync::Own; } }";
        assert_eq!(sibling_violations(&crate_of(apart), "listen", &[]), [""; 0]);
        let common = "mod listen { mod rest { use super::forms::Page; } mod forms {} }";
        assert_eq!(sibling_violations(&crate_of(common), "listen", &["forms"]), [""; 0]);
        let upward = "mod listen { mod rest {} mod forms { use super::rest::Call; } }";
        let expected = ["`listen::forms` may not import `crate::listen::rest::Call`"];
        assert_eq!(sibling_violations(&crate_of(upward), "listen", &["forms"]), expected);
        let tied = "mod listen { mod rest { mod call { use super::super::sync::Link; } } mod sync {} }";
        let expected = ["`listen::rest::call` may not import `crate::listen::sync::Link`"];
        assert_eq!(sibling_violations(&crate_of(tied), "listen", &["forms"]), expected);
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        for text in ["use axum::Router;", "fn f(_: ::axum::Router) {}", "fn f() { select! { axum::serve() } }"] {
            let modules =
                crate_of(&format!("mod core {{ mod inner {{ {text} }} }} mod listen {{ use axum::Router; }}"));
            assert_eq!(
                naming_violations(&modules, &["core"], PROTOCOLS),
                ["`core::inner` may not name `axum`"],
                "{text}"
            );
        }
    }
}
