//! [`expand`]: expands `#[tool]` on a function, from its tokens to the generated code. `tool_impl.rs` expands `#[tool]` on an impl block.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ItemImpl;

use crate::check;
use crate::errors::Errors;
use crate::expand::{self, stub};
use crate::model::{ItemKind, Tool};
use crate::parse::item_fn::Function;
use crate::parse::tool_attr::ToolOptions;
use crate::parse::tool_marker::refuse_second;
use crate::tool_impl;

/// Expands `#[tool(...)]` on a function or an impl block.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if let Ok(function) = syn::parse2::<Function>(item.clone()) {
        return on_function(attribute, function);
    }
    if let Ok(block) = syn::parse2::<ItemImpl>(item.clone()) {
        return tool_impl::expand(attribute, block);
    }
    let error = syn::Error::new(
        Span::call_site(),
        "`#[tool]` goes on a function, or on an impl block whose methods are tools; this is neither",
    );
    let error = error.into_compile_error();
    quote!(#error #item)
}

fn on_function(attribute: TokenStream, mut function: Function) -> TokenStream {
    let mut errors = Errors::default();
    let options = ToolOptions::parse(attribute, &mut errors);
    refuse_second(&mut function.attributes, &mut errors);
    let krate = options.krate.clone();
    check::signature::signature(&function.signature, ItemKind::Function, &mut errors);
    match Tool::parse(&mut function, options, ItemKind::Function, &mut errors) {
        Some(tool) => expand::function(&function, &tool),
        None => stub::function(&function, krate.as_ref(), errors),
    }
}
