//! What a tool expands to.

mod argument;
mod body;
mod definition;
mod owner;

pub(crate) use owner::Owner;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Path;

use crate::errors::Errors;
use crate::function::Function;
use crate::keys::Given;
use crate::model::Tool;
use crate::name::without_self;

/// The path of the crate `platools`.
pub(crate) fn krate(named: Option<&Path>) -> TokenStream {
    named.map_or_else(|| quote!(::platools), |path| quote!(#path))
}

/// A free function as it was written, the type of the same name, and its implementation of `Tool`.
pub(crate) fn free(function: &Function, tool: &Tool) -> TokenStream {
    let krate = krate(tool.options.krate.as_ref());
    let (declared, conditions) = (tool_type(function), function.conditions());
    let ident = &tool.ident;
    let (checked_name, name) = name_of_free(tool);
    let items = items(tool, &name, &quote!(#ident), &Owner::none());
    quote! {
        #function
        #declared
        #(#conditions)*
        #[allow(deprecated)]
        const _: () = {
            use #krate::__private as __platools;
            #checked_name
            impl #ident {
                #[doc(hidden)]
                pub const TOOL_NAME: ::core::option::Option<&'static str> = ::core::option::Option::Some(#name);
            }
            #items
        };
    }
}

/// The name of a free function's tool, and the constant behind it, which is checked while it compiles.
fn name_of_free(tool: &Tool) -> (Option<TokenStream>, TokenStream) {
    match &tool.name {
        Given::Written(name) => (None, name.to_token_stream()),
        Given::By(name) => {
            let checked = quote_spanned!(tool.name_span=> __platools::checked_name(#name));
            (Some(quote!(const __PLATOOLS_NAME: &'static str = #checked;)), quote!(__PLATOOLS_NAME))
        }
    }
}

/// The type of a free function's tool: with braces, so that it lives beside the function of the same name.
fn tool_type(function: &Function) -> TokenStream {
    let (visibility, ident) = (&function.visibility, &function.signature.ident);
    let copied = function
        .attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("deprecated"));
    let docs = format!("The tool made of [`{ident}()`](fn@{ident}), for `tools![...]`.");
    quote! {
        #(#copied)*
        #[doc = #docs]
        #[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
        #[allow(non_camel_case_types, unreachable_pub, dead_code, deprecated)]
        #visibility struct #ident {}
    }
}

/// What is emitted when a free function cannot be a tool: the function, and enough of a tool for its users to compile.
pub(crate) fn free_stub(function: &Function, named: Option<&Path>, errors: Errors) -> TokenStream {
    let (errors, krate) = (errors.into_tokens(), krate(named));
    if function.receiver().is_some() {
        // Inside of an impl block there is no place for a type.
        return quote!(#errors #function);
    }
    let (declared, conditions, ident) = (tool_type(function), function.conditions(), &function.signature.ident);
    quote! {
        #errors
        #function
        #declared
        #(#conditions)*
        #[allow(deprecated)]
        const _: () = {
            impl #krate::__private::Tool for #ident {
                fn definition(&self) -> #krate::__private::ToolDefinition {
                    ::core::panic!()
                }
                fn bind(
                    &self,
                    _: &#krate::__private::State,
                ) -> ::core::result::Result<::std::sync::Arc<dyn #krate::__private::Handler>, #krate::__private::BindError> {
                    ::core::panic!()
                }
            }
        };
    }
}

/// A method's tool, whose type holds the value that all calls share.
pub(crate) fn method(tool: &Tool, owner: &Owner) -> TokenStream {
    let alias = owner.alias();
    let name = tool.name.to_token_stream();
    let (declared, held) = (owner.declared(), owner.held());
    let (phantom, make_phantom) = (owner.phantom(), owner.make_phantom());
    let bounds = owner.bounds();
    let items = items(tool, &name, &quote!(__PlatoolsTool), owner);
    let items = quote! {
        struct __PlatoolsTool #declared (::std::sync::Arc<Self>, #phantom) #bounds;
        #items
        ::std::boxed::Box::new(__PlatoolsTool #held (__platools::share(&__platools_value), #make_phantom))
    };
    without_self(items, &alias)
}

/// The items behind a tool: its parameters, its body, and `Tool` for `ty`. In those of methods `Self` is the type of the impl block.
fn items(tool: &Tool, name: &TokenStream, ty: &TokenStream, owner: &Owner) -> TokenStream {
    let parameters = argument::parameters(tool, owner);
    let body = body::body(tool, owner);
    let definition = definition::definition(tool, name, owner);
    let bind = body::bind(tool, owner);
    let (declared, used, bounds) = (owner.declared(), owner.used(), owner.bounds());
    quote! {
        #parameters
        #body
        impl #declared __platools::Tool for #ty #used #bounds {
            fn definition(&self) -> __platools::ToolDefinition {
                #definition
            }
            fn bind(
                &self,
                __state: &__platools::State,
            ) -> ::core::result::Result<::std::sync::Arc<dyn __platools::Handler>, __platools::BindError> {
                #bind
            }
        }
    }
}
