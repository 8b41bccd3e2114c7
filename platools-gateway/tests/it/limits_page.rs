//! Tests of `docs/limits.md` against the sources: every row names a test, and every table and every queue has a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../docs/limits.md");

/// The constructs that queue or keep things, as they stand in the sources.
const QUEUES: [&str; 6] = [
    "mpsc::channel(",
    "mpsc::unbounded",
    "broadcast::Sender::new",
    "broadcast::channel(",
    "VecDeque<",
    "Semaphore::new",
];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            None if path.is_dir() => sources(&path),
            Some(kind) if kind == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// The cells of each row of a table whose head ends in `test`.
fn rows() -> Vec<Vec<&'static str>> {
    let mut rows = Vec::new();
    let mut is_in_table = false;
    for line in PAGE.lines() {
        let cells = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
        let Some(cells) = cells.map(|cells| cells.split(" | ").collect::<Vec<_>>()) else {
            is_in_table = is_in_table && line.starts_with("|--");
            continue;
        };
        if cells.last() == Some(&"test") {
            is_in_table = true;
        } else if is_in_table {
            rows.push(cells);
        }
    }
    rows
}

/// The names in a cell that stand between backquotes.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// The names of all functions that are tests.
fn tests() -> BTreeSet<String> {
    // Rules of `/mcp` that a local server shares have their tests in the SDK.
    let folders = ["src", "tests", "../platools/src/mcp"].map(|folder| sources(&package().join(folder)));
    let files = folders.concat();
    let mut names = BTreeSet::new();
    for file in files {
        let mut is_test = false;
        for line in fs::read_to_string(file).unwrap().lines().map(str::trim) {
            let function = line.strip_prefix("async fn ").or(line.strip_prefix("fn "));
            match function.and_then(|rest| rest.split_once('(')) {
                // A conformance suite makes tests of its functions.
                Some((name, rest)) if is_test || rest.starts_with("store: TestStore") => {
                    names.insert(name.to_owned());
                    is_test = false;
                }
                _ => {
                    is_test = (is_test && line.starts_with("#["))
                        || line.starts_with("#[test]")
                        || line.starts_with("#[tokio::test")
                }
            }
        }
    }
    names
}

#[test]
fn every_row_names_a_test_that_there_is() {
    let (tests, rows) = (tests(), rows());
    assert!(rows.len() > 40, "the page has {} rows", rows.len());
    for row in rows {
        let named: Vec<_> = quoted(row[row.len() - 1]).collect();
        assert!(!named.is_empty(), "no test: {row:?}");
        for name in named {
            assert!(tests.contains(name), "there is no test `{name}`: {row:?}");
        }
    }
}

#[test]
fn every_table_of_the_database_is_on_the_page() {
    let named: BTreeSet<_> = rows().into_iter().flat_map(|row| quoted(row[0]).collect::<Vec<_>>()).collect();
    let files = fs::read_dir(package().join("migrations")).unwrap();
    let steps: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    for created in steps.split("CREATE TABLE ").skip(1) {
        let table = created.split([' ', '(']).next().unwrap();
        let is_dropped = steps.contains(&format!("DROP TABLE {table};"));
        assert_ne!(named.contains(table), is_dropped, "the row of docs/limits.md for the table `{table}`");
    }
}

#[test]
fn every_file_with_a_queue_is_on_the_page() {
    let named: BTreeSet<_> = rows().into_iter().flat_map(|row| quoted(row[0]).collect::<Vec<_>>()).collect();
    let is_test = |file: &Path| file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests");
    let files = sources(&package().join("src")).into_iter().filter(|file| {
        let within = file.strip_prefix(package().join("src")).unwrap();
        !is_test(within)
    });
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        if QUEUES.iter().any(|queue| code.contains(queue)) {
            let name = file.strip_prefix(package().join("src")).unwrap().to_str().unwrap().replace('\\', "/");
            assert!(named.contains(&*name), "docs/limits.md has no row for the queue in `{name}`");
        }
    }
}
