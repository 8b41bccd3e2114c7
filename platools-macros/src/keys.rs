//! The form all our attributes share: `key`, `key = value` and `key(...)`, separated by commas.

use platools_attributes::closest;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitBool, LitStr, Token, UnOp};

use crate::errors::Errors;
use crate::name::span_of;

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

/// A value that is written out, or an expression that gives it when the tool's definition is made.
#[derive(Clone)]
pub(crate) enum Given<T> {
    Written(T),
    By(Expr),
}

impl<T> Given<T> {
    /// Reads a value that is written out.
    pub(crate) fn read<R>(self, read: impl FnOnce(T) -> syn::Result<R>) -> syn::Result<Given<R>> {
        match self {
            Self::Written(value) => read(value).map(Given::Written),
            Self::By(expression) => Ok(Given::By(expression)),
        }
    }
}

impl<T: ToTokens> ToTokens for Given<T> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Written(value) => value.to_tokens(tokens),
            Self::By(expression) => expression.to_tokens(tokens),
        }
    }
}

impl Given<bool> {
    /// The flag as an expression of one form wherever it is used, so that one of another type is one message.
    pub(crate) fn code(&self) -> TokenStream {
        match self {
            Self::Written(flag) => quote!(#flag),
            Self::By(flag) => quote_spanned!(span_of(flag)=> __platools::flag(#flag)),
        }
    }
}

impl Default for Given<bool> {
    fn default() -> Self {
        Self::Written(false)
    }
}

/// Whether an expression writes its value out, so that one of another kind is a mistake that needs no types to be seen.
fn is_written_out(expression: &Expr) -> bool {
    match expression {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => is_written_out(expr),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Range(_) | Expr::Closure(_) => true,
        _ => false,
    }
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

    /// `key`, `key = true` or `key = expression`.
    pub(crate) fn flag(&self) -> syn::Result<Given<bool>> {
        match &self.value {
            Value::Flag => Ok(Given::Written(true)),
            Value::Is(Expr::Lit(ExprLit { lit: Lit::Bool(LitBool { value, .. }), .. })) => Ok(Given::Written(*value)),
            Value::Is(expression) if !is_written_out(expression) => Ok(Given::By(expression.clone())),
            _ => Err(self.wrong(&format!("`{}` is a flag; write `{0}` or `{0} = false`", self.key))),
        }
    }

    /// `key` or `key = true`, for flags that decide on code.
    pub(crate) fn written_flag(&self) -> syn::Result<bool> {
        match self.flag()? {
            Given::Written(flag) => Ok(flag),
            Given::By(_) => Err(self.wrong(&format!("`{}` is a flag; write `{0}` or `{0} = false`", self.key))),
        }
    }

    /// `key = "text"`, and `key("text")` too; an expression in place of the text.
    pub(crate) fn text(&self, example: &str) -> syn::Result<Given<LitStr>> {
        let wrong = || self.wrong(&format!("`{}` takes a string, such as `{0} = \"{example}\"`", self.key));
        match self.value() {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(Given::Written(text)),
            Some(expression) if !is_written_out(&expression) => Ok(Given::By(expression)),
            _ => Err(wrong()),
        }
    }

    fn value(&self) -> Option<Expr> {
        match &self.value {
            Value::Flag => None,
            Value::Is(value) => Some(value.clone()),
            Value::Of(tokens) => syn::parse2(tokens.clone()).ok().map(ungrouped),
        }
    }

    /// A whole number above zero, or an expression.
    pub(crate) fn count(&self, wrong: &str) -> syn::Result<Given<u32>> {
        let wrong = || self.wrong(wrong);
        match self.value() {
            Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
                let number = number.base10_parse().ok().filter(|number| *number > 0);
                number.map(Given::Written).ok_or_else(wrong)
            }
            Some(expression) if !is_written_out(&expression) => Ok(Given::By(expression)),
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
