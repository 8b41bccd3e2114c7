//! Tests of the feed's JavaScript modules without a browser: TypeScript checks their types, and Node.js runs their rules.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a command of `tests/hook/run`.
///
/// # Panics
/// It fails, with all that it said.
pub(crate) fn run(command: &str) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hook/run");
    let output = Command::new(program).arg(command).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "run {command}: {}\n{}", text(&output.stdout), text(&output.stderr));
    output
}

#[test]
fn the_hook_has_types_for_react_and_preact() {
    run("types");
}

#[test]
fn the_modules_of_the_feed_keep_their_rules() {
    let output = run("rules");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("# fail 0") && !report.contains("# pass 0"), "{report}");
}
