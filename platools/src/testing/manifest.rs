//! [`assert_manifest`]: compares the tools of a registry with a manifest in a file, such as that of the last release.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

use crate::manifest::{Compatibility, ManifestDiff};
use crate::registry::ToolRegistry;

/// The environment variable that has [`assert_manifest`] write the file.
const UPDATE_VARIABLE: &str = "PLATOOLS_UPDATE_MANIFEST";

/// Checks that a file has the [manifest](ToolRegistry::manifest) of these tools, so that every change of a declaration is seen in review.
/// The failure says which changes are breaking.
///
/// With `PLATOOLS_UPDATE_MANIFEST=1` in the environment it writes the file instead.
///
/// ```no_run
/// # use platools::{ToolRegistry, tool, tools};
/// # /// Add two numbers.
/// # #[tool]
/// # async fn add(a: i64, b: i64) -> i64 { a + b }
/// # fn registry() -> ToolRegistry { ToolRegistry::new().with_tools(tools![add]).expect("valid tools") }
/// #[test]
/// fn the_tools_are_those_of_the_manifest() {
///     platools::testing::assert_manifest(&registry(), concat!(env!("CARGO_MANIFEST_DIR"), "/manifest.json"));
/// }
/// ```
///
/// # Panics
/// The file has other tools, or cannot be read.
#[track_caller]
pub fn assert_manifest(registry: &ToolRegistry, file: impl AsRef<Path>) {
    let file = file.as_ref();
    if env::var_os(UPDATE_VARIABLE).is_some_and(|value| value == "1") {
        let text = format!("{:#}\n", registry.manifest());
        return fs::write(file, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
    let (kept, present) = (read(file), registry.manifest());
    if kept != present {
        panic!(
            "the tools are not those of {}; {UPDATE_VARIABLE}=1 writes the new ones into it\n{}",
            file.display(),
            diff(&kept, &present)
        );
    }
}

/// Checks that callers of the tools in a file work with these tools: nothing of the manifest has changed in a
/// [breaking](crate::manifest::ManifestDiff#breaking-changes) way.
///
/// # Panics
/// There is a breaking change, or the file cannot be read.
#[track_caller]
pub fn assert_compatible_manifest(registry: &ToolRegistry, file: impl AsRef<Path>) {
    let file = file.as_ref();
    let diff = diff(&read(file), &registry.manifest());
    let is_breaking = diff.compatibility() == Compatibility::Breaking;
    assert!(!is_breaking, "callers of the tools in {} may fail:\n{diff}", file.display());
}

#[track_caller]
fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| {
        panic!("cannot read the manifest {}: {error}; {UPDATE_VARIABLE}=1 writes it", file.display())
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{} is no JSON: {error}", file.display()))
}

#[track_caller]
fn diff(old: &Value, new: &Value) -> ManifestDiff {
    ManifestDiff::between(old, new).unwrap_or_else(|error| panic!("{error}"))
}
