//! `#[tool]` on a function.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, ItemImpl};

use crate::attr::ToolOptions;
use crate::errors::Errors;
use crate::function::Function;
use crate::model::{Place, Tool};
use crate::{expand, methods};

/// Expands `#[tool(...)]` on whatever it stands on.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if let Ok(function) = syn::parse2::<Function>(item.clone()) {
        return on_function(attribute, function);
    }
    if let Ok(block) = syn::parse2::<ItemImpl>(item.clone()) {
        return methods::expand(attribute, block);
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
    match Tool::new(&mut function, options, Place::Free, &mut errors) {
        Some(tool) => expand::free(&function, &tool),
        None => expand::free_stub(&function, krate.as_ref(), errors),
    }
}

/// Takes every further `#[tool]` out of the attributes of a function or method that has one.
pub(crate) fn refuse_second(attributes: &mut Vec<Attribute>, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let second = methods::is_tool(attribute);
        if second {
            errors.at(attribute, "the function is a tool already; join the two `#[tool(...)]`");
        }
        !second
    });
}
