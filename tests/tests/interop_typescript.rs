//! Checks that the gateway's tests with TypeScript workers expect the real output of zod's schema converter and of Node.js.

use std::path::Path;
use std::process::Command;

/// The output of `tests/interop/typescript.js`.
fn printed(what: &str) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = tests.join("../target/interop/node");
    assert!(modules.join("installed").exists(), "run tests/interop/setup first");
    let output = Command::new("node")
        .arg(tests.join("interop/typescript.js"))
        .arg(what)
        .env("MODULES", modules)
        .output()
        .expect("node cannot be started; run tests/interop/setup first");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_schemas_are_those_of_zods_converter() {
    assert_eq!(printed("schemas"), include_str!("../../platools-gateway/tests/fixtures/typescript_schemas.json"));
}

#[test]
fn the_form_is_that_of_json_stringify() {
    assert_eq!(printed("form"), include_str!("../../platools-gateway/tests/fixtures/javascript_form.json"));
}
