//! The commands about declarations: [`list`], [`schema`] and [`manifest`].

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::{ListArguments, ManifestAction, ManifestArguments, SchemaArguments};
use super::output::{exit_code, print, print_lines};
use crate::manifest::{Compatibility, ManifestDiff};
use crate::registry::ToolRegistry;
use crate::tool::Dialect;
use platools_transport::{Error, ErrorKind};

pub(super) fn list(registry: &ToolRegistry, arguments: &ListArguments) -> Result<ExitCode, Error> {
    let definitions = registry.definitions();
    if arguments.json {
        print(format_args!("{:#}", json!(registry.export(Dialect::Platform))));
        return Ok(ExitCode::SUCCESS);
    }
    let width = definitions.iter().map(|tool| tool.name.len()).max().unwrap_or_default();
    for tool in definitions {
        let about = tool.description.lines().next().unwrap_or_default();
        print(format_args!("{}", format!("{:width$}  {about}", tool.name).trim_end()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema(registry: &ToolRegistry, arguments: &SchemaArguments) -> Result<ExitCode, Error> {
    let tool = registry.get(&arguments.tool).ok_or_else(|| unknown_tool(registry, &arguments.tool))?;
    print(format_args!("{:#}", tool.export(arguments.dialect.into())));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn manifest(registry: &ToolRegistry, arguments: &ManifestArguments) -> Result<ExitCode, Error> {
    let manifest = registry.manifest();
    let Some(ManifestAction::Diff(arguments)) = &arguments.action else {
        print(format_args!("{manifest:#}"));
        return Ok(ExitCode::SUCCESS);
    };
    let diff = ManifestDiff::between(&read_manifest(&arguments.old)?, &manifest)?;
    let compatibility = diff.compatibility();
    if arguments.json {
        let document = json!({ "compatibility": compatibility, "changes": diff.changes() });
        print(format_args!("{document:#}"));
    } else {
        print_lines(&diff);
        eprintln!("changes: {}", compatibility.as_str());
    }
    let worst = if arguments.exact { Compatibility::Unchanged } else { Compatibility::Compatible };
    Ok(exit_code(compatibility <= worst))
}

fn read_manifest(file: &Path) -> Result<Value, Error> {
    let unreadable = |problem: String| {
        Error::new(ErrorKind::InvalidSetting, format!("cannot read the manifest {}: {problem}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
}

/// The error of a tool that is not there, with those that are.
pub(super) fn unknown_tool(registry: &ToolRegistry, name: &str) -> Error {
    let message = format!("there is no tool named {name}; there are: {}", registry.names().join(", "));
    Error::new(ErrorKind::UnknownTool, message)
}
