//! [`MetaItem`]: reads one `key`, `key = value` or `key(...)` within `#[tool(...)]` or `#[arg(...)]`.

use platools_attributes::closest;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitBool, LitStr, Token, UnOp};

use crate::errors::Errors;
use crate::spans::span_of;

/// A key and its value.
pub(crate) struct MetaItem {
    pub(crate) key: Ident,
    pub(crate) value: MetaValue,
}

/// The value that follows a key.
pub(crate) enum MetaValue {
    /// No value: `key`.
    Flag,
    /// `= value`.
    Is(Expr),
    /// `(...)`.
    Of(TokenStream),
}

impl Parse for MetaItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = Ident::parse_any(input)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            MetaValue::Is(ungrouped(input.parse()?))
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            MetaValue::Of(content.parse()?)
        } else if input.is_empty() || input.peek(Token![,]) {
            MetaValue::Flag
        } else {
            return Err(input.error(format!("expected `,` or `= value` after `{key}`")));
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

/// Parses the list of an attribute. Unknown and repeated keys are errors, and are left out.
pub(crate) fn parse_meta_items(tokens: TokenStream, known: &[&str], errors: &mut Errors) -> Vec<MetaItem> {
    use syn::parse::Parser as _;
    let parsed = errors.keep(Punctuated::<MetaItem, Token![,]>::parse_terminated.parse2(tokens));
    let mut kept: Vec<MetaItem> = Vec::new();
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
pub(crate) enum LitOrExpr<T> {
    /// The value, as written.
    Lit(T),
    /// An expression of the value's type.
    Expr(Expr),
}

impl<T> LitOrExpr<T> {
    /// Reads a value that is written out.
    pub(crate) fn read<R>(self, read: impl FnOnce(T) -> syn::Result<R>) -> syn::Result<LitOrExpr<R>> {
        match self {
            Self::Lit(value) => read(value).map(LitOrExpr::Lit),
            Self::Expr(expression) => Ok(LitOrExpr::Expr(expression)),
        }
    }
}

impl<T: ToTokens> ToTokens for LitOrExpr<T> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Lit(value) => value.to_tokens(tokens),
            Self::Expr(expression) => expression.to_tokens(tokens),
        }
    }
}

impl LitOrExpr<bool> {
    /// The flag as an expression of one form wherever it is used, so that one of another type is one message.
    pub(crate) fn code(&self) -> TokenStream {
        match self {
            Self::Lit(flag) => quote!(#flag),
            Self::Expr(flag) => quote_spanned!(span_of(flag)=> __platools::flag(#flag)),
        }
    }
}

impl Default for LitOrExpr<bool> {
    fn default() -> Self {
        Self::Lit(false)
    }
}

/// Returns true for an expression that writes its value out, so that a value of the wrong kind is an error without type information.
fn is_written_out(expression: &Expr) -> bool {
    match expression {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => is_written_out(expr),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Range(_) | Expr::Closure(_) => true,
        _ => false,
    }
}

impl MetaItem {
    /// The error for a value that the key does not take, at the value.
    pub(crate) fn wrong(&self, how: &str) -> syn::Error {
        match &self.value {
            MetaValue::Is(value) => syn::Error::new_spanned(value, how),
            MetaValue::Of(tokens) if !tokens.is_empty() => syn::Error::new_spanned(tokens, how),
            _ => syn::Error::new(self.key.span(), how),
        }
    }

    /// `key`, `key = true` or `key = expression`.
    pub(crate) fn flag(&self) -> syn::Result<LitOrExpr<bool>> {
        match &self.value {
            MetaValue::Flag => Ok(LitOrExpr::Lit(true)),
            MetaValue::Is(Expr::Lit(ExprLit { lit: Lit::Bool(LitBool { value, .. }), .. })) => {
                Ok(LitOrExpr::Lit(*value))
            }
            MetaValue::Is(expression) if !is_written_out(expression) => Ok(LitOrExpr::Expr(expression.clone())),
            _ => Err(self.wrong(&format!("`{}` is a flag; write `{0}` or `{0} = false`", self.key))),
        }
    }

    /// `key` or `key = true`, for flags that decide on code.
    pub(crate) fn written_flag(&self) -> syn::Result<bool> {
        match self.flag()? {
            LitOrExpr::Lit(flag) => Ok(flag),
            LitOrExpr::Expr(_) => Err(self.wrong(&format!("`{}` is a flag; write `{0}` or `{0} = false`", self.key))),
        }
    }

    /// `key = "text"`, and `key("text")` too; an expression in place of the text.
    pub(crate) fn text(&self, example: &str) -> syn::Result<LitOrExpr<LitStr>> {
        let wrong = || self.wrong(&format!("`{}` takes a string, such as `{0} = \"{example}\"`", self.key));
        match self.value() {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(LitOrExpr::Lit(text)),
            Some(expression) if !is_written_out(&expression) => Ok(LitOrExpr::Expr(expression)),
            _ => Err(wrong()),
        }
    }

    fn value(&self) -> Option<Expr> {
        match &self.value {
            MetaValue::Flag => None,
            MetaValue::Is(value) => Some(value.clone()),
            MetaValue::Of(tokens) => syn::parse2(tokens.clone()).ok().map(ungrouped),
        }
    }

    /// A whole number above zero, or an expression.
    pub(crate) fn count(&self, wrong: &str) -> syn::Result<LitOrExpr<u32>> {
        let wrong = || self.wrong(wrong);
        match self.value() {
            Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
                let number = number.base10_parse().ok().filter(|number| *number > 0);
                number.map(LitOrExpr::Lit).ok_or_else(wrong)
            }
            Some(expression) if !is_written_out(&expression) => Ok(LitOrExpr::Expr(expression)),
            _ => Err(wrong()),
        }
    }

    /// `key = expression`, and `key(expression)` too.
    pub(crate) fn expression(&self, example: &str) -> syn::Result<Expr> {
        let wrong = || self.wrong(&format!("`{}` needs a value, such as `{example}`", self.key));
        match &self.value {
            MetaValue::Is(value) => Ok(value.clone()),
            MetaValue::Of(tokens) => syn::parse2(tokens.clone()).map_err(|_| wrong()),
            MetaValue::Flag => Err(wrong()),
        }
    }
}
