//! Test that this program accepts every command in the documentation.

use std::fs;
use std::path::Path;

use clap::Parser as _;

use super::Cli;

#[test]
fn the_commands_of_the_documentation_are_taken() {
    let mut commands = 0;
    for page in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")).unwrap() {
        let page = page.unwrap().path();
        if page.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&page).unwrap();
        let shown = text.lines().filter_map(|line| line.trim().strip_prefix("$ "));
        for line in shown.filter_map(command) {
            commands += 1;
            if let Err(error) = take(words(line)) {
                panic!("{}: `{line}`: {error}", page.display());
            }
        }
    }
    assert!(commands >= 15, "{commands}");
}

/// The part of a line of a shell that is a command of this program.
fn command(line: &str) -> Option<&str> {
    let start = line.find("platools-gateway ")?;
    // Elsewhere it is a folder or a package.
    let is_program = !line[..start].ends_with(['/', '-']) && !line.starts_with("cargo ");
    is_program.then(|| line[start..].split(['|', ')', '>', '&', '#']).next().unwrap_or_default())
}

/// Reads a command, also one that has the folder of the data from its variable.
fn take(words: Vec<String>) -> Result<(), String> {
    let noun = 2.min(words.len());
    let with_data = [&words[..noun], &["--data".to_owned(), "/d".to_owned()], &words[noun..]].concat();
    let first = Cli::try_parse_from(words).map_err(|error| error.to_string());
    first.or_else(|error| Cli::try_parse_from(with_data).map_err(|_| error)).map(drop)
}

/// The words of a line, of which some are in quotes, also empty ones.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    // A backslash goes on in the next line, which has options of its own.
    words.retain(|word| word != "\\");
    words
}
