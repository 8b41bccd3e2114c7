//! [`function`]: expands a function with mistakes to the compiler's errors, the function itself and an empty tool. With the empty tool,
//! code that uses the tool shows no errors of its own.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::{krate, tool_type};
use crate::errors::Errors;
use crate::parse::item_fn::Function;

/// Expands a function with errors: the errors, the function, and a tool that panics, so that code that uses the tool has no errors of its own.
pub(crate) fn function(function: &Function, named: Option<&Path>, errors: Errors) -> TokenStream {
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
