//! Test that the schemas which the form of the console is tested with are those of the present types.

use std::path::Path;
use std::process::Command;

/// The file that `src/form/schemas.test.ts` of the console reads.
const FILE: &str = "platools-gateway/console/src/form/test/schemas.json";

/// Compares the file with the output of the corpus, or writes it if the variable `UPDATE_DOCS` is set.
#[test]
fn the_form_of_the_console_is_tested_with_present_schemas() {
    let output = Command::new(env!("CARGO_BIN_EXE_corpus")).arg("forms").output().expect("it starts");
    let expected = String::from_utf8(output.stdout).expect("text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FILE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).expect("the folder exists");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let hint = "run `UPDATE_DOCS=1 cargo test -p platools-tests --test it console_form` and commit the result";
    assert!(found == expected, "{FILE} differs from what the corpus prints; {hint}");
}
