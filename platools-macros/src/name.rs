//! Names, and where things stand.

use std::collections::HashMap;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The longest name every client accepts: the registry's own rule.
const MAX_CHARS: usize = 64;

/// Whether every client accepts the name of a tool.
pub(crate) fn check_tool(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Err(format!(
            "`{name}` is no name of a tool: a name is a letter or `_` followed by letters, digits, `_` and `-`; give one with \
             `#[tool(name = \"...\")]`"
        ));
    }
    too_long("tool", name)
}

/// Whether the name of an argument can reach a tool.
pub(crate) fn check_argument(name: &str) -> Result<(), String> {
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

/// The names that occur a second time, with a message for each.
pub(crate) fn repeated<'a>(
    names: impl Iterator<Item = (&'a str, Span)>,
    message: impl Fn(&str) -> String,
) -> Vec<syn::Error> {
    let mut seen = HashMap::new();
    names
        .filter_map(|(name, span)| seen.insert(name.to_owned(), span).map(|_| syn::Error::new(span, message(name))))
        .collect()
}

/// Whether a word occurs in tokens.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        _ => false,
    })
}

/// Where tokens stand, as code of the expansion: lints leave it alone, errors show it.
pub(crate) fn span_of(tokens: &impl ToTokens) -> Span {
    use syn::spanned::Spanned as _;
    generated(tokens.span())
}

/// The same place, as code of the expansion.
pub(crate) fn generated(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Puts an alias of the type in place of `Self`, which means another one inside of generated items.
pub(crate) fn without_self(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => TokenTree::Ident(Ident::new(SELF_ALIAS, ident.span())),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        })
        .collect()
}

/// Stands for `Self` in the items generated for methods.
pub(crate) const SELF_ALIAS: &str = "__PlatoolsSelf";
