//! What a tool expands to.

mod argument;
mod body;
mod definition;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Path;

use crate::errors::Errors;
use crate::function::Function;
use crate::model::Tool;
use crate::name::SELF_ALIAS;

/// The path of the crate `platools`.
pub(crate) fn krate(named: Option<&Path>) -> TokenStream {
    named.map_or_else(|| quote!(::platools), |path| quote!(#path))
}

/// A free function as it was written, the type of the same name, and its implementation of `Tool`.
pub(crate) fn free(function: &Function, tool: &Tool) -> TokenStream {
    let krate = krate(tool.options.krate.as_ref());
    let (declared, conditions) = (tool_type(function), function.conditions());
    let ident = &tool.ident;
    let name = &tool.name;
    let items = items(tool, &quote!(#ident));
    quote! {
        #function
        #declared
        #(#conditions)*
        #[allow(deprecated)]
        const _: () = {
            use #krate::__private as __platools;
            impl #ident {
                #[doc(hidden)]
                pub const TOOL_NAME: ::core::option::Option<&'static str> = ::core::option::Option::Some(#name);
            }
            #items
            #krate::__collect!(#ident {});
        };
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
pub(crate) fn method(tool: &Tool) -> TokenStream {
    let alias = format_ident!("{SELF_ALIAS}");
    let items = items(tool, &quote!(__PlatoolsTool));
    quote! {
        struct __PlatoolsTool(::std::sync::Arc<#alias>);
        #items
        ::std::boxed::Box::new(__PlatoolsTool(__platools::share(&__platools_value)))
    }
}

/// The items behind a tool: its parameters, its body, and `Tool` for `ty`.
fn items(tool: &Tool, ty: &TokenStream) -> TokenStream {
    let parameters = argument::parameters(tool);
    let body = body::body(tool);
    let definition = definition::definition(tool);
    let bind = body::bind(tool);
    quote! {
        #parameters
        #body
        impl __platools::Tool for #ty {
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
