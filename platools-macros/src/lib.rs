//! The attributes of platools. Use them through the crate `platools`, which re-exports and documents them.

mod arg;
mod attr;
mod check;
mod docs;
mod errors;
mod expand;
mod free;
mod function;
mod keys;
mod list;
mod methods;
mod model;
mod name;
mod parameter;
mod units;

use proc_macro::TokenStream;
use quote::quote;

/// Makes a tool of a function.
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(attribute.into(), item.into()).into()
}

/// Makes tools of the methods of an impl block.
#[proc_macro_attribute]
pub fn tools(attribute: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse::<syn::ItemImpl>(item.clone()) {
        Ok(block) => methods::expand(attribute.into(), block).into(),
        Err(_) => {
            let error = syn::Error::new(
                proc_macro2::Span::call_site(),
                "`#[tools]` goes on an impl block; a function is made a tool with `#[tool]`",
            );
            let (error, item) = (error.into_compile_error(), proc_macro2::TokenStream::from(item));
            quote!(#error #item).into()
        }
    }
}

/// What `tools![...]` of the crate `platools` expands to, with the path of that crate in front.
#[doc(hidden)]
#[proc_macro]
pub fn list(input: TokenStream) -> TokenStream {
    list::expand(input.into()).into()
}
