//! [`check`]: refuses an impl block whose methods cannot be tools, such as the impl of a trait or of a type with lifetimes.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ItemImpl;

use crate::errors::Errors;

/// Reports a block that is not for a type with tools: one of a trait, or of a type with lifetimes.
pub(crate) fn check(block: &ItemImpl, errors: &mut Errors) {
    for lifetime in block.generics.lifetimes() {
        errors.at(lifetime, LIFETIME);
    }
    if let Some(lifetime) = elided_lifetime(block.self_ty.to_token_stream()) {
        errors.add(syn::Error::new(lifetime, LIFETIME));
    }
    if let Some((path, _)) = &block.trait_ {
        errors.at(path, "tools are methods of a type itself; put `#[tool]` on an impl block without a trait");
    }
}

const LIFETIME: &str = "a value whose methods are tools lives as long as its registry, so its type has no lifetime; own the data, or share it \
                        in an `Arc`";

/// The span of a `'_` or of a reference without a lifetime.
pub(crate) fn elided_lifetime(tokens: TokenStream) -> Option<Span> {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                matches!(tokens.peek(), Some(TokenTree::Ident(ident)) if ident == "_").then(|| punct.span())
            }
            TokenTree::Punct(punct) if punct.as_char() == '&' => {
                let has_lifetime = matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'');
                (!has_lifetime).then(|| punct.span())
            }
            TokenTree::Group(group) => elided_lifetime(group.stream()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
