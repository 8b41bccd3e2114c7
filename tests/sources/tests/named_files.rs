//! Checks that the source files and links in documents exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of documents.
const FOLDERS: &[&str] = &["", "docs", "docs/adr", "platools", "bench", "deploy"];

/// The short form of a path in the tables of `CONTRIBUTING.md`.
const SHORT: (&str, &str) = ("G/", "platools-gateway/src/");

#[test]
fn source_files_that_documents_name_exist() {
    let mut files = Vec::new();
    collect(&repository(), &mut files);
    let mut missing = Vec::new();
    for document in documents() {
        for name in named_files(&read(&document)) {
            if !files.iter().any(|file| file.strip_suffix(&name).is_some_and(|rest| rest.ends_with('/'))) {
                missing.push(format!("{}: there is no file `{name}`", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn links_of_documents_lead_to_files() {
    let mut missing = Vec::new();
    for document in documents() {
        let folder = document.parent().expect("a document is in a folder");
        for target in linked_files(&read(&document)) {
            if !folder.join(&target).exists() {
                missing.push(format!("{}: there is no file {target}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn names_and_links_are_found() {
    let text = "`a/b.rs`, `c.rs::test`, `G/d.rs`, `e/{f,g}.rs`, `*.rs`, `code(x.rs)`\n```\n`h.rs`\n```\n[i](j.md#k), [l](https://m), [n](#o)";
    let names: Vec<_> = named_files(text).into_iter().collect();
    assert_eq!(names, ["a/b.rs", "c.rs", "e/f.rs", "e/g.rs", "platools-gateway/src/d.rs"]);
    assert_eq!(linked_files(text).into_iter().collect::<Vec<_>>(), ["j.md"]);
}

/// The paths of source files in backticks, without those in blocks of code and those that stand for several files.
fn named_files(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    let paths = quoted.filter_map(|quoted| quoted.split("::").next()).filter(|path| path.ends_with(".rs"));
    let plain = paths.filter(|path| !path.contains(['*', ' ', '(', '<']));
    plain
        .flat_map(alternatives)
        .map(|path| path.replacen(SHORT.0, SHORT.1, usize::from(path.starts_with(SHORT.0))))
        .collect()
}

/// `a/{b,c}.rs` is two paths.
fn alternatives(path: &str) -> Vec<String> {
    let group = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match group {
        Some((before, (names, after))) => {
            names.split(',').map(|name| format!("{before}{}{after}", name.trim())).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// The relative targets of links, without their anchors.
fn linked_files(text: &str) -> BTreeSet<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let files = targets.filter_map(|target| target.split('#').next()).filter(|file| !file.is_empty());
    files.filter(|file| !file.contains("://") && !file.contains(' ')).map(str::to_owned).collect()
}

fn documents() -> Vec<PathBuf> {
    let mut documents = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(repository().join(folder)).expect("a folder of documents") {
            let path = entry.expect("a folder can be read").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents
}

/// The source files below a folder, as paths from the root of the file system. What is built or installed there does not count.
fn collect(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read");
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && name != "node_modules" && name != ".git" {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.display().to_string());
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(document: &Path) -> String {
    fs::read_to_string(document).unwrap_or_else(|error| panic!("{}: {error}", document.display()))
}
