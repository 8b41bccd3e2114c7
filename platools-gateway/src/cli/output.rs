//! [`Listing`] and [`say`]: output for people and scripts.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use tabwriter::TabWriter;

/// The form of a printed list.
#[derive(Debug, Args)]
pub(super) struct Listing {
    /// Print a JSON array instead of columns.
    #[arg(long)]
    json: bool,
}

impl Listing {
    /// Prints a list. Its columns are named like the members of the JSON.
    pub(super) fn print<R: Serialize>(&self, rows: impl IntoIterator<Item = R>) -> anyhow::Result<()> {
        let rows: Vec<_> = rows.into_iter().map(members).collect();
        say(&if self.json { serde_json::to_string_pretty(&rows)? } else { columns(&rows)? })
    }
}

/// Prints a line at once, also into a pipe.
pub(super) fn say(line: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let end = if line.is_empty() { "" } else { "\n" };
    write!(out, "{line}{end}").and_then(|()| out.flush()).context("cannot print")
}

/// Prints a secret, which is shown only once. It is the last word of its line, so that a script can take it.
pub(super) fn say_once(what: &str, secret: &SecretString) -> anyhow::Result<()> {
    say(&format!("{what} (shown only this once): {}", secret.expose_secret()))
}

fn members(row: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(members)) => members,
        other => unreachable!("a row is a struct, and not {other:?}"),
    }
}

/// Aligned columns below their names; nothing for no rows.
fn columns(rows: &[Map<String, Value>]) -> io::Result<String> {
    let names = rows.first().map(|row| row.keys().cloned().collect::<Vec<_>>().join("\t"));
    let cells = rows.iter().map(|row| row.values().map(cell).collect::<Vec<_>>().join("\t"));
    let lines: Vec<_> = names.into_iter().chain(cells).collect();
    let mut aligned = TabWriter::new(Vec::new()).padding(2).minwidth(0);
    aligned.write_all(lines.join("\n").as_bytes())?;
    aligned.flush()?;
    let aligned = aligned.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(String::from_utf8_lossy(&aligned).into_owned())
}

/// A value in one word.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if !items.is_empty() => items.iter().map(cell).collect::<Vec<_>>().join(","),
        Value::Null | Value::Array(_) => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_no_cell_is_empty() {
        let rows = [
            json!({"id": "key_1", "toolRoles": [], "expiresAt": null}),
            json!({"id": "key_1000", "toolRoles": ["a", "b"], "expiresAt": "2026"}),
        ];
        let expected = "id        toolRoles  expiresAt\nkey_1     -          -\nkey_1000  a,b        2026";
        assert_eq!(columns(&rows.map(members)).unwrap(), expected);
        assert_eq!(columns(&[]).unwrap(), "");
    }
}
