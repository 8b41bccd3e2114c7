//! Checks rules of style that no compiler checks: the beginnings of doc comments, the names of types, and the length of files.
//!
//! Each limit is a ratchet: it is the present count of violations, and only goes down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Words that make a doc comment a question or a riddle when they come first. A noun or a verb comes first instead.
const WEAK_WORDS: &[&str] =
    &["how", "one", "so", "those", "what", "when", "where", "whether", "which", "who", "whoever", "whose", "why"];

/// The longest file, in lines. A longer one has more than one job.
const MAX_LINES: usize = 640;

/// The limits of one crate.
struct Ratchet {
    sources: &'static str,
    /// Doc comments that begin with a weak word.
    weak_docs: usize,
    /// Types that share their name with an earlier one of the crate.
    shared_names: usize,
}

const RATCHETS: &[Ratchet] = &[
    Ratchet { sources: "platools/src", weak_docs: 0, shared_names: 0 },
    Ratchet { sources: "platools-protocol/src", weak_docs: 0, shared_names: 4 },
    Ratchet { sources: "platools-transport/src", weak_docs: 0, shared_names: 0 },
    Ratchet { sources: "platools-client/src", weak_docs: 0, shared_names: 0 },
    Ratchet { sources: "platools-macros/src", weak_docs: 0, shared_names: 0 },
    Ratchet { sources: "platools-gateway/src", weak_docs: 0, shared_names: 1 },
    Ratchet { sources: "platools-bus/src", weak_docs: 0, shared_names: 0 },
    Ratchet { sources: "platools-cli/src", weak_docs: 0, shared_names: 0 },
];

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    for ratchet in RATCHETS {
        let weak: Vec<String> = each_source(ratchet.sources).flat_map(|source| source.weak_docs()).collect();
        assert!(
            weak.len() <= ratchet.weak_docs,
            "{}: {} doc comments begin with a weak word, {} did before; let the new ones begin with a noun or a verb:\n{}",
            ratchet.sources,
            weak.len(),
            ratchet.weak_docs,
            weak.join("\n")
        );
    }
}

#[test]
fn types_have_names_of_their_own() {
    for ratchet in RATCHETS {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for source in each_source(ratchet.sources).filter(|source| !source.is_test()) {
            for name in source.types() {
                places.entry(name).or_default().push(source.name.clone());
            }
        }
        let shared: usize = places.values().map(|places| places.len() - 1).sum();
        let list: Vec<String> = places
            .into_iter()
            .filter(|(_, places)| places.len() > 1)
            .map(|(name, places)| format!("{name}: {}", places.join(", ")))
            .collect();
        assert!(
            shared <= ratchet.shared_names,
            "{}: {shared} types share a name with another one, {} did before; qualify the new names:\n{}",
            ratchet.sources,
            ratchet.shared_names,
            list.join("\n")
        );
    }
}

#[test]
fn files_have_one_job() {
    for ratchet in RATCHETS {
        for source in each_source(ratchet.sources).filter(|source| !source.is_test()) {
            let lines = source.text.lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines, the limit is {MAX_LINES}; split it", source.name);
            assert!(source.text.starts_with("//!") || source.is_root(), "{} has no module doc", source.name);
        }
    }
}

#[test]
fn the_rules_find_what_breaks_them() {
    let source = Source {
        name: "sample.rs".to_owned(),
        text: "//! What it does.\n//! How is a second line.\n\n/// A noun.\n/// What follows.\npub(crate) struct Sample;\n\n    /// Whether it is on.\n    is_on: bool,\n"
            .to_owned(),
    };
    assert_eq!(source.weak_docs(), ["sample.rs:1: //! What it does.", "sample.rs:8: /// Whether it is on."]);
    assert_eq!(source.types(), ["Sample"]);
}

/// One file of a crate.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.name.contains("/tests/") || self.name.ends_with("/tests.rs")
    }

    fn is_root(&self) -> bool {
        self.name.ends_with("/lib.rs")
    }

    /// The first lines of doc comments that begin with a weak word, each with its place.
    fn weak_docs(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut was_doc = false;
        for (index, line) in self.text.lines().enumerate() {
            let text = doc_text(line.trim());
            if let Some(text) = text
                && !was_doc
                && WEAK_WORDS.contains(&first_word(text).as_str())
            {
                found.push(format!("{}:{}: {}", self.name, index + 1, line.trim()));
            }
            was_doc = text.is_some();
        }
        found
    }

    /// The names of the types that the file declares at its outermost level.
    fn types(&self) -> Vec<String> {
        self.text.lines().filter_map(declared_type).map(str::to_owned).collect()
    }
}

/// The text of a doc comment's line.
fn doc_text(line: &str) -> Option<&str> {
    let text = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
    (!text.starts_with('/')).then_some(text)
}

fn first_word(text: &str) -> String {
    let word = text.trim_start_matches(|letter: char| !letter.is_alphabetic());
    word.chars().take_while(|letter| letter.is_alphabetic()).collect::<String>().to_lowercase()
}

/// The type that a line without indentation declares.
fn declared_type(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => line,
    };
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|keyword| line.strip_prefix(keyword))?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
    Some(&rest[..end])
}

/// All files below a folder of the repository, in the order of their names.
fn each_source(folder: &str) -> impl Iterator<Item = Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "{folder} has no sources");
    files.into_iter().map(move |file| Source {
        name: file.strip_prefix(&root).expect("it is below the root").display().to_string(),
        text: fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())),
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
