//! The third phase of a macro: generates the code of a tool from its [`Tool`] model, which `model.rs` parses.

mod argument;
mod body;
mod definition;
mod impl_type;
pub(crate) mod stub;

pub(crate) use impl_type::ImplType;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Path;

use crate::model::Tool;
use crate::parse::attribute_keys::LitOrExpr;
use crate::parse::item_fn::Function;
use crate::spans::without_self;

/// The path of the crate `platools`.
pub(crate) fn krate(named: Option<&Path>) -> TokenStream {
    named.map_or_else(|| quote!(::platools), |path| quote!(#path))
}

/// A free function as it was written, the type of the same name, and its implementation of `Tool`.
pub(crate) fn function(function: &Function, tool: &Tool) -> TokenStream {
    let krate = krate(tool.options.krate.as_ref());
    let (declared, conditions) = (tool_type(function), function.conditions());
    let ident = &tool.ident;
    let (checked_name, name) = name_constant(tool);
    let items = items(tool, &name, &quote!(#ident), &ImplType::none());
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

/// The name of a function's tool, and the constant that checks at compile time a name given as an expression.
fn name_constant(tool: &Tool) -> (Option<TokenStream>, TokenStream) {
    match &tool.name {
        LitOrExpr::Lit(name) => (None, name.to_token_stream()),
        LitOrExpr::Expr(name) => {
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

/// A method's tool, whose type holds the value that all calls share.
pub(crate) fn method(tool: &Tool, impl_type: &ImplType) -> TokenStream {
    let alias = impl_type.alias();
    let name = tool.name.to_token_stream();
    let (declared, held) = (impl_type.impl_generics(), impl_type.turbofish());
    let (phantom, make_phantom) = (impl_type.phantom(), impl_type.make_phantom());
    let bounds = impl_type.where_clause();
    let items = items(tool, &name, &quote!(__PlatoolsTool), impl_type);
    let items = quote! {
        struct __PlatoolsTool #declared (::std::sync::Arc<Self>, #phantom) #bounds;
        #items
        ::std::boxed::Box::new(__PlatoolsTool #held (__platools::share(&__platools_value), #make_phantom))
    };
    without_self(items, &alias)
}

/// The items behind a tool: its parameters, its body, and `Tool` for `ty`. In those of methods `Self` is the type of the impl block.
fn items(tool: &Tool, name: &TokenStream, ty: &TokenStream, impl_type: &ImplType) -> TokenStream {
    let parameters = argument::parameters(tool, impl_type);
    let body = body::body(tool, impl_type);
    let definition = definition::definition(tool, name, impl_type);
    let bind = body::bind(tool, impl_type);
    let (declared, used, bounds) = (impl_type.impl_generics(), impl_type.type_generics(), impl_type.where_clause());
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
