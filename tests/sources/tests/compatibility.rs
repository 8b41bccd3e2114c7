//! Checks `docs/compatibility.md` against the tests: each claim names at least one test that exists and runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMacro};

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// The documents, each with its least number of claims, so that a table that is not recognised does not pass.
const DOCUMENTS: [(&str, usize); 4] = [("Agent runtime", 70), ("Live feed", 60), ("Gateway RPC", 70), ("Worker", 40)];

/// Row of a table whose last column is `shown by`.
#[derive(Debug)]
struct Row<'a> {
    section: &'a str,
    cells: Vec<&'a str>,
}

/// The rows of all such tables, in the page's order.
fn rows(page: &str) -> Vec<Row<'_>> {
    let (mut rows, mut section, mut is_in_table) = (Vec::new(), "", false);
    for line in page.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let inner = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
        let Some(cells) = inner.map(|inner| inner.split(" | ").collect::<Vec<_>>()) else {
            is_in_table = is_in_table && line.starts_with('|');
            continue;
        };
        if cells.last() == Some(&"shown by") {
            is_in_table = true;
        } else if is_in_table {
            rows.push(Row { section, cells });
        }
    }
    rows
}

/// The names in a cell that stand between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Lists the problems of a page. `cases` returns the names of the tests in a file, and nothing for a file that does not exist.
fn problems(page: &str, cases: impl Fn(&str) -> Option<BTreeSet<String>>) -> Vec<String> {
    let (mut problems, mut claims, mut files) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    for row in rows(page) {
        let claim = row.cells[0];
        let mut wrong = |what: String| problems.push(format!("{}: `{claim}`: {what}", row.section));
        if !claims.insert((row.section, claim)) {
            wrong("the claim is listed twice".to_owned());
        }
        let [_, holds, shown_by] = row.cells[..] else {
            wrong(format!("the row has {} cells, not 3", row.cells.len()));
            continue;
        };
        if !["yes", "no: ", "by setting `", "as "].iter().any(|verdict| holds.starts_with(verdict)) {
            wrong(format!(
                "`{holds}` is no verdict: use `yes`, `by setting` with the setting, or `no:` with the reason"
            ));
        }
        let references: Vec<_> = quoted(shown_by).collect();
        if references.is_empty() || shown_by.contains("PENDING") {
            wrong(format!("no test shows it: {shown_by}"));
        }
        let (rust, scripts): (Vec<&str>, Vec<&str>) =
            references.iter().copied().partition(|reference| reference.contains(".rs::"));
        if rust.is_empty() && scripts.iter().any(|reference| reference.contains("::")) {
            wrong("a case of a script needs the Rust test that runs the script beside it".to_owned());
        }
        for reference in references {
            let Some((file, name)) = reference.split_once("::") else {
                wrong(format!("`{reference}` is not `path::test`"));
                continue;
            };
            match files.entry(file.to_owned()).or_insert_with(|| cases(file)) {
                None => wrong(format!("there is no file {file}")),
                Some(known) if !known.contains(name) => wrong(format!("{file} has no test `{name}` that runs")),
                Some(_) => {}
            }
        }
    }
    problems
}

/// The tests of a Rust file that are not ignored.
fn tests_in(source: &str) -> BTreeSet<String> {
    let file = syn::parse_file(source).expect("the file is Rust");
    let mut names = BTreeSet::new();
    collect(&file.items, &mut names);
    names
}

fn collect(items: &[Item], names: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Fn(function) if is_test(&function.attrs) => drop(names.insert(function.sig.ident.to_string())),
            Item::Macro(called) if called.mac.path.is_ident("proptest") => names.extend(properties(called)),
            Item::Mod(module) => collect(module.content.as_ref().map_or(&[], |(_, items)| items), names),
            _ => {}
        }
    }
}

/// The functions of a `proptest!` block that run as tests. Their parameters are not those of Rust, so the block is read as text.
fn properties(block: &ItemMacro) -> Vec<String> {
    let text = block.mac.tokens.to_string();
    let heads = text.split("# [test]").skip(1).filter_map(|behind| behind.split_once("fn "));
    let running = heads.filter(|(attributes, _)| !attributes.contains("# [ignore"));
    running.filter_map(|(_, name)| name.split(['(', ' ']).next()).map(str::to_owned).collect()
}

/// Checks that a function runs as a test: `#[test]`, `#[tokio::test]`, `#[rstest]`, and no `#[ignore]`.
fn is_test(attributes: &[Attribute]) -> bool {
    let last = |attribute: &Attribute| attribute.path().segments.last().map(|segment| segment.ident.to_string());
    let names: Vec<_> = attributes.iter().filter_map(last).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    (has("test") || has("rstest")) && !has("ignore")
}

/// The cases of a script: functions of Python below `@case`, and `test('name', ...)` in JavaScript.
fn cases_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_case = false;
    for line in source.lines().map(str::trim) {
        let function = line.strip_prefix("async def ").or(line.strip_prefix("def "));
        let called = line.strip_prefix("test('").and_then(|rest| rest.split_once('\''));
        if let (Some((name, _)), true) = (function.and_then(|rest| rest.split_once('(')), is_case) {
            names.insert(name.to_owned());
        }
        names.extend(called.map(|(name, _)| name.to_owned()));
        is_case = line == "@case";
    }
    names
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cases_of_file(file: &str) -> Option<BTreeSet<String>> {
    let source = fs::read_to_string(repository().join(file)).ok()?;
    Some(if file.ends_with(".rs") { tests_in(&source) } else { cases_in(&source) })
}

#[test]
fn every_claim_names_tests_that_exist() {
    let problems = problems(PAGE, cases_of_file);
    assert!(problems.is_empty(), "docs/compatibility.md:\n{}", problems.join("\n"));
}

#[test]
fn every_document_has_its_claims() {
    let rows = rows(PAGE);
    for (document, least) in DOCUMENTS {
        let count = rows.iter().filter(|row| row.section == document).count();
        assert!(count >= least, "docs/compatibility.md has {count} claims of `{document}`, and {least} are expected");
    }
}

/// A file in `tests/tests` that is neither a module of `it` nor a target of its own would be compiled by nobody, and a target that a plain
/// `cargo test` leaves out runs in CI only where `.ci/run` names it.
#[test]
fn every_test_is_run_by_ci() {
    let read = |file: &str| fs::read_to_string(repository().join(file)).expect("a file");
    let (manifest, script) = (read("tests/Cargo.toml"), read(".ci/run"));
    let roots = ["tests/tests/it.rs", "tests/tests/interop.rs"].map(read).concat();
    let files = fs::read_dir(repository().join("tests/tests")).expect("a folder");
    let names = files
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    let names: BTreeSet<_> = names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    assert!(names.contains("reconnect") && names.contains("interop_documents"), "{names:?}");
    for name in names {
        let is_run =
            roots.contains(&format!("\nmod {name};\n")) || manifest.contains(&format!("path = \"tests/{name}.rs\""));
        assert!(
            is_run,
            "tests/tests/{name}.rs is no module of it.rs or interop.rs, and no [[test]] of tests/Cargo.toml"
        );
    }
    for target in manifest.split("[[test]]").skip(1).map(|entry| entry.split("\n\n").next().unwrap_or(entry)) {
        let name = target.split('"').nth(1).expect("a target has a name");
        let is_named = script.contains(&format!("--test {name}"));
        assert!(
            is_named || !target.contains("= false") && !target.contains("required-features"),
            "no step of .ci/run names {name}"
        );
    }
}

/// Every snippet that is kept as it was printed is in the page's table, with the test that runs it.
#[test]
fn every_snippet_is_on_the_page() {
    let folder = repository().join("tests/interop/documents");
    let mut pending = vec![folder];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let name = path.strip_prefix(repository().join("tests/interop/documents")).expect("a path below").display();
            assert!(PAGE.contains(&format!("`{name}`")), "docs/compatibility.md does not name the snippet `{name}`");
        }
    }
}

/// A setting that a user has to find is in the documentation of its part as well.
#[test]
fn every_setting_on_the_page_is_documented() {
    let docs = fs::read_dir(repository().join("docs")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let others = docs
        .filter(|path| path.is_file() && !path.ends_with("compatibility.md"))
        .chain([repository().join("README.md")]);
    let texts: Vec<_> = others.map(|path| fs::read_to_string(path).expect("a page")).collect();
    let is_known = |name: &str| {
        texts.iter().any(|text| text.contains(&format!("`{name}`")) || text.contains(&format!(".{name}(")))
    };
    for row in rows(PAGE) {
        let setting = row.cells[1].strip_prefix("by setting `").and_then(|rest| rest.split('`').next());
        assert!(
            setting.is_none_or(&is_known),
            "{}: no page of docs has the setting of `{}`: {}",
            row.section,
            row.cells[0],
            row.cells[1]
        );
    }
}

/// Lists the problems of a page with these rows, for two files with one test each.
fn problems_of(row: &str) -> Vec<String> {
    let page = format!(
        "## A document\n\n| claim | holds | shown by |\n|---|---|---|\n{row}\n\nText.\n\n| a | b |\n|---|---|\n| c | d |\n"
    );
    problems(&page, |file| ["a.rs", "a.py"].contains(&file).then(|| BTreeSet::from(["it_holds".to_owned()])))
}

#[test]
fn a_row_with_a_test_that_exists_is_right() {
    assert_eq!(problems_of("| it holds | yes | `a.rs::it_holds` |"), [""; 0]);
    assert_eq!(problems_of("| it holds | by setting `x` | `a.rs::it_holds`, `a.rs::it_holds` |"), [""; 0]);
}

#[test]
fn a_row_without_a_test_that_exists_is_wrong() {
    for (row, part) in [
        ("| it holds | yes | `a.rs::it_hold` |", "a.rs has no test `it_hold` that runs"),
        ("| it holds | yes | `b.rs::it_holds` |", "there is no file b.rs"),
        ("| it holds | yes | `a.rs::it_holds`, `b.rs::it_holds` |", "there is no file b.rs"),
        ("| it holds | yes | `it_holds` |", "is not `path::test`"),
        ("| it holds | yes | seen once |", "no test shows it"),
        ("| it holds | yes | PENDING(feed) `a.rs::it_holds` |", "no test shows it"),
        ("| it holds | yes | `a.py::it_holds` |", "needs the Rust test"),
        ("| it holds | mostly | `a.rs::it_holds` |", "is no verdict"),
        ("| it holds | no | `a.rs::it_holds` |", "is no verdict"),
        ("| it holds | `a.rs::it_holds` |", "the row has 2 cells"),
        ("| it | yes | `a.rs::it_holds` |\n| it | yes | `a.rs::it_holds` |", "listed twice"),
    ] {
        let found = problems_of(row);
        assert!(found.len() == 1 && found[0].contains(part), "{row}: {found:?}");
    }
}

#[test]
fn only_functions_that_run_as_tests_count() {
    let source = "
        #[test] fn plain() {}
        /// Text.
        #[expect(dead_code)]
        #[tokio::test(flavor = \"multi_thread\")]
        async fn with_a_runtime() {}
        #[rstest] #[case(1)] fn with_cases(#[case] number: u8) {}
        mod tests { #[test] fn inside() {} }
        #[test] #[ignore = \"slow\"] fn ignored() {}
        fn helper() { #[test] fn hidden() {} }
        proptest! {
            #![proptest_config(Config::default())]
            #[test] fn with_values(number in 0..9_u8) { drop(number); }
            #[test] #[ignore] fn with_values_and_ignored(text in \"a*\") { fn inner() {} }
        }
        // #[test] fn commented() {}
    ";
    let expected = ["inside", "plain", "with_a_runtime", "with_cases", "with_values"].map(str::to_owned);
    assert_eq!(tests_in(source), BTreeSet::from(expected));
    let script = "@case\nasync def first(a):\n    pass\n\ndef helper():\n    pass\n\ntest('it closes', () => {});\n";
    assert_eq!(cases_in(script), BTreeSet::from(["first", "it closes"].map(str::to_owned)));
}
