//! The form all our attributes share: `key`, `key = value` and `key(...)`, separated by commas.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitBool, LitStr, Token};

use crate::errors::Errors;

/// One key and what was said of it.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What follows a key.
pub(crate) enum Value {
    /// Nothing.
    Flag,
    /// `= value`.
    Is(Expr),
    /// `(...)`.
    Of(TokenStream),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = Ident::parse_any(input)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Is(ungrouped(input.parse()?))
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::Of(content.parse()?)
        } else if input.is_empty() || input.peek(Token![,]) {
            Value::Flag
        } else {
            return Err(input.error(format!("after `{key}` comes `,` or `= value`")));
        };
        Ok(Self { key, value })
    }
}

/// An expression out of the invisible group a `macro_rules!` puts around its arguments.
pub(crate) fn ungrouped(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) => ungrouped(*group.expr),
        other => other,
    }
}

/// The entries of an attribute. Unknown and repeated keys are mistakes, and left out.
pub(crate) fn entries(tokens: TokenStream, known: &[&str], errors: &mut Errors) -> Vec<Entry> {
    use syn::parse::Parser as _;
    let parsed = errors.keep(Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens));
    let mut kept: Vec<Entry> = Vec::new();
    for entry in parsed.into_iter().flatten() {
        if !known.iter().any(|known| entry.key == known) {
            errors.at(&entry.key, unknown(&entry.key, known));
        } else if kept.iter().any(|earlier| earlier.key == entry.key) {
            errors.at(&entry.key, format!("`{}` is given twice; keep one", entry.key));
        } else {
            kept.push(entry);
        }
    }
    kept
}

fn unknown(key: &Ident, known: &[&str]) -> String {
    match closest(&key.to_string(), known) {
        Some(meant) => format!("there is no key `{key}`; did you mean `{meant}`?"),
        None => format!("there is no key `{key}`; the keys are {}", known.join(", ")),
    }
}

/// The known word that was probably meant.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, known) =
        known.iter().map(|known| (strsim::damerau_levenshtein(&word.to_lowercase(), known), *known)).min()?;
    (distance <= 1.max(word.chars().count() / 3)).then_some(known)
}

impl Entry {
    /// A mistake in how the key is used.
    pub(crate) fn wrong(&self, how: &str) -> syn::Error {
        match &self.value {
            Value::Is(value) => syn::Error::new_spanned(value, how),
            Value::Of(tokens) if !tokens.is_empty() => syn::Error::new_spanned(tokens, how),
            _ => syn::Error::new(self.key.span(), how),
        }
    }

    /// `key` or `key = true`.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match &self.value {
            Value::Flag => Ok(true),
            Value::Is(Expr::Lit(ExprLit { lit: Lit::Bool(LitBool { value, .. }), .. })) => Ok(*value),
            _ => Err(self.wrong(&format!("`{}` is a flag; write `{0}` or `{0} = false`", self.key))),
        }
    }

    /// `key = "text"`, and `key("text")` too.
    pub(crate) fn text(&self, example: &str) -> syn::Result<LitStr> {
        let wrong = || self.wrong(&format!("`{}` takes a string, such as `{0} = \"{example}\"`", self.key));
        match &self.value {
            Value::Is(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text.clone()),
            Value::Of(tokens) => syn::parse2(tokens.clone()).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    /// `key = expression`, and `key(expression)` too.
    pub(crate) fn expression(&self, example: &str) -> syn::Result<Expr> {
        let wrong = || self.wrong(&format!("`{}` needs a value, such as `{example}`", self.key));
        match &self.value {
            Value::Is(value) => Ok(value.clone()),
            Value::Of(tokens) => syn::parse2(tokens.clone()).map_err(|_| wrong()),
            Value::Flag => Err(wrong()),
        }
    }
}
