//! [`ListArgs`]: prints a list as a table or as JSON. [`say`] prints a line.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use tabwriter::TabWriter;

/// The form of a printed list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print a JSON array instead of columns.
    #[arg(long)]
    json: bool,
}

impl ListArgs {
    /// True if JSON is printed.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the named members of the JSON of each item. A dotted name is that of a member inside another one.
    pub(super) fn print<T: Serialize>(
        &self,
        items: impl IntoIterator<Item = impl Into<T>>,
        members: &str,
    ) -> anyhow::Result<()> {
        let rows: Vec<_> = items.into_iter().map(|item| row(&item.into(), members)).collect();
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

/// The members of an item that are shown.
fn row(item: &impl Serialize, members: &str) -> Map<String, Value> {
    let item = serde_json::to_value(item).expect("strings, numbers and lists always serialize");
    let member = |name: &str| {
        let path = format!("/{}", name.replace('.', "/"));
        let name = name.rsplit('.').next().unwrap_or_default();
        (name.to_owned(), item.pointer(&path).cloned().unwrap_or_default())
    };
    members.split_whitespace().map(member).collect()
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
        let items = [
            json!({"id": "key_1", "hidden": 1, "of": {"toolRoles": []}, "expiresAt": null}),
            json!({"id": "key_1000", "of": {"toolRoles": ["a", "b"]}, "expiresAt": "2026"}),
        ];
        let rows = items.map(|item| row(&item, "id of.toolRoles expiresAt"));
        let expected = "id        toolRoles  expiresAt\nkey_1     -          -\nkey_1000  a,b        2026";
        assert_eq!(columns(&rows).unwrap(), expected);
        assert_eq!(columns(&[]).unwrap(), "");
    }
}
