//! [`body`]: generates the struct that holds a tool's injected values, and the struct's implementation of `ToolBody`, which runs calls.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::ImplType;
use super::argument::values;
use super::definition::kind_of_return;
use crate::model::Tool;
use crate::parse::parameter::{ArgPassing, Parameter};
use crate::spans::{self, generated};

/// The struct that holds what a tool borrows, and its `Body`.
pub(super) fn body(tool: &Tool, impl_type: &ImplType) -> TokenStream {
    let (injected, pattern) = (injected_fields(tool), values_pattern(tool));
    let values = values(0, &tool.arguments().collect::<Vec<_>>(), impl_type);
    let held = tool.takes_self.then(|| quote!(__owner: ::std::sync::Arc<Self>,));
    let phantom = impl_type.phantom().map(|phantom| quote!(__phantom: #phantom,));
    let (declared, used, bounds) = (impl_type.impl_generics(), impl_type.type_generics(), impl_type.where_clause());
    let (kind, call) = (kind_of_return(tool), call(tool));
    let error = error(tool);
    // At the function's name, where a future that cannot move between threads is shown.
    let run = quote_spanned! {generated(tool.ident.span())=>
        __platools::a_tools_future_must_be_send(async move {
            let __kind = #kind;
            let __returned = #call;
            match __kind.split(__returned) {
                ::core::result::Result::Ok(__value) => __kind.write(__output, &__value),
                ::core::result::Result::Err(__error) => ::core::result::Result::Err(#error),
            }
        })
    };
    quote! {
        struct __PlatoolsBody #declared #bounds { #held #phantom #injected }
        impl #declared __platools::ToolBody for __PlatoolsBody #used #bounds {
            type Values = #values;
            fn run(
                &self,
                #pattern: #values,
                __context: &__platools::Context,
                __output: __platools::Output,
            ) -> impl ::core::future::Future<Output = ::core::result::Result<__platools::Output, __platools::ToolError>> + ::core::marker::Send
            {
                use __platools::{FallibleReturn as _, FutureReturn as _, PlainReturn as _};
                #run
            }
        }
    }
}

/// The expression that makes a handler with what the tool borrows.
pub(super) fn bind(tool: &Tool, impl_type: &ImplType) -> TokenStream {
    let (strict, allow_unknown) = (tool.options.strict.code(), tool.options.allow_unknown.code());
    let held = tool.takes_self.then(|| quote!(__owner: __platools::share(&self.0),));
    let phantom = impl_type.make_phantom().map(|phantom| quote!(__phantom: #phantom,));
    let generics = impl_type.turbofish();
    let fields = injected(tool).map(|(field, parameter)| {
        let (parameter_name, ty) = (&parameter.name, &parameter.ty);
        let span = spans::span_of(ty);
        let resolve =
            quote_spanned!(span=> __platools::Injected::resolve(&__platools::borrowing::<#ty>(), #parameter_name, __state));
        quote!(#field: #resolve?)
    });
    quote! {
        let __body = __PlatoolsBody #generics { #held #phantom #(#fields),* };
        let __policy = __platools::Policy { strict: #strict, allow_unknown: #allow_unknown };
        let __parameters = __platools_parameters0 #generics ();
        ::core::result::Result::Ok(__platools::TypedHandler::handler(__parameters, __policy, __body))
    }
}

fn injected(tool: &Tool) -> impl Iterator<Item = (Ident, &crate::parse::parameter::Injected)> {
    tool.parameters.iter().enumerate().filter_map(|(index, parameter)| match parameter {
        Parameter::Injected(injected) => Some((format_ident!("__injected{index}"), &**injected)),
        Parameter::Argument(_) => None,
    })
}

fn injected_fields(tool: &Tool) -> TokenStream {
    let fields = injected(tool).map(|(field, _)| quote!(#field: __platools::Injected));
    quote!(#(#fields),*)
}

/// The nested pattern of the decoded arguments.
fn values_pattern(tool: &Tool) -> TokenStream {
    let names: Vec<Ident> = arguments(tool).collect();
    names.iter().rev().fold(quote!(()), |rest, name| quote!((#name, #rest)))
}

fn arguments(tool: &Tool) -> impl Iterator<Item = Ident> {
    let positions = tool.parameters.iter().enumerate();
    let arguments = positions.filter(|(_, parameter)| matches!(parameter, Parameter::Argument(_)));
    arguments.map(|(index, _)| format_ident!("__argument{index}"))
}

/// The call of the function as the author wrote it.
fn call(tool: &Tool) -> TokenStream {
    let ident = &tool.ident;
    let callee = if tool.is_method { quote!(Self::#ident) } else { quote!(#ident) };
    let receiver = tool.takes_self.then(|| quote!(&self.__owner,));
    let passed = tool.parameters.iter().enumerate().map(|(index, parameter)| pass(index, parameter));
    let awaited = tool.is_async.then(|| quote!(.await));
    quote_spanned!(generated(ident.span())=> #callee(#receiver #(#passed),*) #awaited)
}

fn pass(index: usize, parameter: &Parameter) -> TokenStream {
    match parameter {
        Parameter::Argument(argument) => {
            let name = format_ident!("__argument{index}");
            match argument.pass {
                ArgPassing::Owned => quote!(#name),
                ArgPassing::Borrowed => quote!(&#name),
                ArgPassing::OptionOfBorrowed => quote!(#name.as_deref()),
            }
        }
        Parameter::Injected(parameter) => {
            let field = format_ident!("__injected{index}");
            let span = spans::span_of(&parameter.ty);
            let ty = &parameter.ty;
            let value = quote_spanned!(span=> self.#field.get(&__platools::borrowing::<#ty>(), __context));
            if parameter.cloned { quote_spanned!(span=> ::core::clone::Clone::clone(#value)) } else { value }
        }
    }
}

/// The function's error as a `ToolError`, in the way its type allows.
fn error(tool: &Tool) -> TokenStream {
    let convert = quote_spanned!(tool.returns_span=> tool_error);
    quote! {{
        use __platools::{
            IntoToolErrorByAuthor as _, IntoToolErrorFromDisplay as _, IntoToolErrorFromInto as _, IntoToolErrorFromNothing as _,
        };
        (&mut &mut &mut &mut __platools::ErrorOf(::core::option::Option::Some(__error))).#convert()
    }}
}
