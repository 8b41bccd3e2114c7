//! [`expand`]: expands the macro `tools![...]`, which makes a list of tools from their paths.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token};

use crate::errors::Errors;
use crate::spans;

/// `[path of the crate] a, path::b, #[cfg(..)] c`.
struct List {
    krate: TokenStream,
    tools: Punctuated<Listed, Token![,]>,
}

struct Listed {
    conditions: Vec<Attribute>,
    path: Path,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let krate;
        syn::bracketed!(krate in input);
        Ok(Self { krate: krate.parse()?, tools: Punctuated::parse_terminated(input)? })
    }
}

impl Parse for Listed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let conditions = input.call(Attribute::parse_outer)?;
        let wrong =
            |span| syn::Error::new(span, "a list names tools by their paths, such as `tools![find, orders::cancel]`");
        let path = input.parse().map_err(|error| wrong(error.span()))?;
        match input.is_empty() || input.peek(Token![,]) {
            true => Ok(Self { conditions, path }),
            false => Err(wrong(input.span())),
        }
    }
}

/// Expands `tools![...]`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some(List { krate, tools }) = errors.keep(syn::parse2(input)) else { return nothing(errors) };
    for error in repeated(&tools) {
        errors.add(error);
    }
    if errors.is_empty() { list(&krate, &tools) } else { nothing(errors) }
}

/// The errors and an empty list of any type, so that code that uses it has no errors of its own.
fn nothing(errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote!({
        #errors
        ::std::vec::Vec::new()
    })
}

/// The paths listed twice. Those with conditions are left to the registry: they may exclude each other.
fn repeated(tools: &Punctuated<Listed, Token![,]>) -> Vec<syn::Error> {
    let written: Vec<_> = tools
        .iter()
        .filter(|tool| tool.conditions.is_empty())
        .map(|tool| (tool.path.to_token_stream().to_string().replace(' ', ""), spans::span_of(&tool.path)))
        .collect();
    spans::repeated(written.iter().map(|(path, span)| (path.as_str(), *span)), |path| {
        format!("`{path}` is listed twice; remove one")
    })
}

fn list(krate: &TokenStream, tools: &Punctuated<Listed, Token![,]>) -> TokenStream {
    // Each path is named once, so that one that leads nowhere is one message.
    let (mut aliases, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (index, Listed { conditions, path }) in tools.iter().enumerate() {
        let alias = format_ident!("__PlatoolsTool{index}");
        aliases.push(quote!(#(#conditions)* type #alias = #path;));
        names.push(quote!(#(#conditions)* <#alias>::TOOL_NAME));
        let value = quote_spanned! {spans::span_of(path)=>
            { ::std::boxed::Box::new(#alias {}) as ::std::boxed::Box<dyn #krate::__private::Tool> }
        };
        values.push(quote!(#(#conditions)* #value));
    }
    quote!({
        #(#aliases)*
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::Unnamed as _;
            #krate::__private::distinct(&[#(#names),*]);
        };
        #krate::__private::boxed([#(#values),*])
    })
}
