//! [`check_tool`]: checks that every client accepts the name of a tool. [`check_argument`] checks that an argument of this name can reach
//! its tool.

/// The longest name every client accepts: the registry's own rule.
const MAX_CHARS: usize = 64;

/// Checks that every client accepts the name of a tool.
///
/// # Errors
/// It has other characters than those that are allowed, or too many.
pub fn check_tool(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Err(format!(
            "`{name}` is no name of a tool: a name is a letter or `_` followed by letters, digits, `_` and `-`; give one with \
             `#[tool(name = \"...\")]`"
        ));
    }
    too_long("tool", name)
}

/// Checks that an argument of this name can reach a tool.
///
/// # Errors
/// It begins with `_`, has other characters than those that are allowed, or too many.
pub fn check_argument(name: &str) -> Result<(), String> {
    if let Some(rest) = name.strip_prefix('_') {
        let rest = if rest.is_empty() { "value" } else { rest };
        return Err(format!(
            "names that begin with `_` are the platform's own and never reach a tool; name the argument with \
             `#[arg(name = \"{rest}\")]`"
        ));
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
        return Err(format!(
            "`{name}` is no name of an argument: a name has letters, digits, `_`, `-` and `.`; give one with \
             `#[arg(name = \"...\")]`"
        ));
    }
    too_long("argument", name)
}

fn too_long(of: &str, name: &str) -> Result<(), String> {
    match name.len() {
        0..=MAX_CHARS => Ok(()),
        length => Err(format!("the name of this {of} has {length} characters, and clients accept at most {MAX_CHARS}")),
    }
}
