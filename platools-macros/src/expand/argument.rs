//! [`parameters`]: generates the code that declares a tool's arguments: name, type, default and limits of each.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprRange, ExprUnary, Lit, RangeLimits, UnOp};

use super::ImplType;
use crate::model::Tool;
use crate::parse::arg_attr::DefaultValue;
use crate::parse::parameter::{ArgDescription, Argument};
use crate::spans::generated;

/// Declares a function and a type for each argument, from the last to the first.
///
/// Each function hides its value behind `impl Parameters`, so that a type that cannot be an argument is one message, and not one for
/// each use of the whole list.
pub(super) fn parameters(tool: &Tool, impl_type: &ImplType) -> TokenStream {
    let arguments: Vec<_> = tool.arguments().collect();
    let functions = (0..arguments.len()).map(|index| parameter_function(index, &arguments, impl_type));
    let (function, _) = names_of(arguments.len());
    let (alias, declared, bounds) =
        (declared_values(arguments.len(), &quote!(()), impl_type), impl_type.impl_generics(), impl_type.where_clause());
    quote! {
        #(#functions)*
        #alias
        fn #function #declared () #bounds {}
    }
}

fn names_of(index: usize) -> (syn::Ident, syn::Ident) {
    (format_ident!("__platools_parameters{index}"), format_ident!("__PlatoolsValues{index}"))
}

/// The type of the values from an argument on. It has a name, unless it depends on generic parameters, which a name would have to use.
pub(super) fn values(index: usize, arguments: &[&Argument], impl_type: &ImplType) -> TokenStream {
    if !impl_type.is_generic() {
        return names_of(index).1.to_token_stream();
    }
    let values = arguments.get(index..).unwrap_or_default().iter().map(|argument| &argument.value);
    values.rev().fold(quote!(()), |rest, value| quote!((#value, #rest)))
}

fn declared_values(index: usize, values: &TokenStream, impl_type: &ImplType) -> Option<TokenStream> {
    let (_, name) = names_of(index);
    (!impl_type.is_generic()).then(|| quote!(type #name = #values;))
}

fn parameter_function(index: usize, arguments: &[&Argument], impl_type: &ImplType) -> TokenStream {
    let argument = arguments[index];
    let ((function, _), (next_function, _)) = (names_of(index), names_of(index + 1));
    let (values, next_values) = (values(index, arguments, impl_type), values(index + 1, arguments, impl_type));
    let (value, parameter) = (&argument.value, parameter(argument));
    let alias = declared_values(index, &quote!((#value, #next_values)), impl_type);
    let (declared, held, bounds) = (impl_type.impl_generics(), impl_type.turbofish(), impl_type.where_clause());
    // At the argument's place, where a type that cannot be an argument is shown.
    let returns = quote_spanned!(argument.span=> impl __platools::Parameters<Values = #values>);
    quote! {
        #alias
        fn #function #declared () -> #returns #bounds {
            (#parameter, #next_function #held ())
        }
    }
}

fn parameter(argument: &Argument) -> TokenStream {
    let (name, value, options) = (&argument.name, &argument.value, &argument.options);
    let (written, given) = match &argument.description {
        ArgDescription::Missing => ("", None),
        ArgDescription::Literal(text) => (text.as_str(), None),
        ArgDescription::Expression(text) => ("", Some(quote!(.with_description(#text)))),
    };
    let range = options.range.as_ref().map(range);
    let length = options.length.as_ref().map(length);
    let pattern = options.pattern.as_ref().map(|pattern| {
        let method = quote_spanned!(generated(pattern.span())=> with_pattern);
        quote!(.#method(#pattern))
    });
    let user_providable = options.user_providable.as_ref().map(|flag| {
        let flag = flag.code();
        quote!(.with_user_providable(#flag))
    });
    let default = options.default.as_ref().map(|default| default_value(default, value));
    let new = quote_spanned!(argument.span=> __platools::Parameter::<#value>::new(#name, #written));
    quote!(#new #given #range #length #pattern #user_providable #default)
}

fn default_value(default: &DefaultValue, value: &TokenStream) -> TokenStream {
    match default {
        DefaultValue::OfType(key) => {
            let default = quote_spanned!(generated(key.span())=> <#value as ::core::default::Default>::default());
            quote!(.with_default(|| #default))
        }
        DefaultValue::Is(expression) => {
            let span = generated(expression.span());
            let default = quote_spanned!(span=> __platools::IntoDefault::<#value>::into_default(#expression));
            quote!(.with_default(|| #default))
        }
    }
}

fn range(range: &ExprRange) -> TokenStream {
    let span = generated(range.span());
    let start = end(range.start.as_deref(), true, bound);
    let end = end(range.end.as_deref(), closed(range), bound);
    let method = quote_spanned!(span=> with_range);
    quote!(.#method(#start, #end))
}

fn length(range: &ExprRange) -> TokenStream {
    let span = generated(range.span());
    let start = range.start.as_ref().map_or_else(|| quote!(0), |start| quote!(#start));
    let end = end(range.end.as_deref(), closed(range), |end| quote!(#end));
    let method = quote_spanned!(span=> with_length);
    quote!(.#method(#start, #end))
}

fn closed(range: &ExprRange) -> bool {
    matches!(range.limits, RangeLimits::Closed(_))
}

fn end(limit: Option<&Expr>, included: bool, value: impl Fn(&Expr) -> TokenStream) -> TokenStream {
    match limit.map(value) {
        None => quote!(::core::ops::Bound::Unbounded),
        Some(value) if included => quote!(::core::ops::Bound::Included(#value)),
        Some(value) => quote!(::core::ops::Bound::Excluded(#value)),
    }
}

/// A limit of a range. Numbers written out need no type, others bring theirs.
fn bound(limit: &Expr) -> TokenStream {
    match written(limit) {
        Some(number) => number,
        None => {
            let span = generated(limit.span());
            quote_spanned!(span=> <__platools::Bound as ::core::convert::From<_>>::from(#limit))
        }
    }
}

fn written(limit: &Expr) -> Option<TokenStream> {
    let (sign, digits) = match limit {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => (quote!(-), &**expr),
        other => (quote!(), other),
    };
    match digits {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => {
            let number = Literal::i128_suffixed(int.base10_parse().ok()?);
            Some(quote!(__platools::Bound::Int(#sign #number)))
        }
        Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => {
            // One that is too large is left as written, for the compiler to say so.
            let number = Literal::f64_suffixed(float.base10_parse().ok().filter(|number: &f64| number.is_finite())?);
            Some(quote!(__platools::Bound::Float(#sign #number)))
        }
        _ => None,
    }
}
