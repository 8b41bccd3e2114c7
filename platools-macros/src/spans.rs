//! Functions on the tokens of a macro: they find the spans for errors and the names that occur twice, and replace `Self` in generated
//! items.

use std::collections::HashMap;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;

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

/// Returns true if a word occurs in tokens.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        _ => false,
    })
}

/// The span of tokens, as code of the expansion: lints ignore it, errors show it.
pub(crate) fn span_of(tokens: &impl ToTokens) -> Span {
    use syn::spanned::Spanned as _;
    generated(tokens.span())
}

/// The same span, as code of the expansion.
pub(crate) fn generated(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Replaces `Self` by an alias of the type, since `Self` means another type inside generated items.
pub(crate) fn without_self(tokens: TokenStream, alias: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let span = ident.span();
                replaced.extend(alias.clone().into_iter().map(|mut token| {
                    token.set_span(span);
                    token
                }));
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream(), alias));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}

/// The alias that replaces `Self` in the items generated for methods.
pub(crate) const SELF_ALIAS: &str = "__PlatoolsSelf";
