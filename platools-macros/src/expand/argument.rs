//! The parameters a tool declares, as values of the runtime.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprRange, ExprUnary, Lit, RangeLimits, UnOp};

use crate::arg::DefaultValue;
use crate::model::Tool;
use crate::name::{generated, without_self};
use crate::parameter::Argument;

/// One function and one type for each argument, from the last to the first.
///
/// Each function hides its value behind `impl Parameters`, so that a type that cannot be an argument is one message, and not one for
/// each use of the whole list.
pub(super) fn parameters(tool: &Tool) -> TokenStream {
    let links = tool.arguments().enumerate().map(|(index, argument)| link(index, argument));
    let (function, values) = ends(tool.arguments().count());
    quote! {
        #(#links)*
        type #values = ();
        fn #function() {}
    }
}

fn ends(index: usize) -> (syn::Ident, syn::Ident) {
    (format_ident!("__platools_parameters{index}"), format_ident!("__PlatoolsValues{index}"))
}

fn link(index: usize, argument: &Argument) -> TokenStream {
    let ((function, values), (next_function, next_values)) = (ends(index), ends(index + 1));
    let (value, parameter) = (without_self(argument.value.clone()), parameter(argument));
    // At the argument's place, where a type that cannot be an argument is shown.
    let returns = quote_spanned!(argument.span=> impl __platools::Parameters<Values = #values>);
    quote! {
        type #values = (#value, #next_values);
        fn #function() -> #returns {
            (#parameter, #next_function())
        }
    }
}

fn parameter(argument: &Argument) -> TokenStream {
    let (name, description, options) = (&argument.name, &argument.description, &argument.options);
    let value = without_self(argument.value.clone());
    let range = options.range.as_ref().map(range);
    let length = options.length.as_ref().map(length);
    let pattern = options.pattern.as_ref().map(|pattern| {
        let method = quote_spanned!(generated(pattern.span())=> with_pattern);
        quote!(.#method(#pattern))
    });
    let default = options.default.as_ref().map(|default| default_value(default, &value));
    let new = quote_spanned!(argument.span=> __platools::Parameter::<#value>::new(#name, #description));
    quote!(#new #range #length #pattern #default)
}

fn default_value(default: &DefaultValue, value: &TokenStream) -> TokenStream {
    match default {
        DefaultValue::OfType(key) => {
            let default = quote_spanned!(generated(key.span())=> <#value as ::core::default::Default>::default());
            quote!(.with_default(|| #default))
        }
        DefaultValue::Is(expression) => {
            let span = generated(expression.span());
            let expression = without_self(quote!(#expression));
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
    let start = range.start.as_ref().map_or_else(|| quote!(0), |start| without_self(quote!(#start)));
    let end = end(range.end.as_deref(), closed(range), |end| without_self(quote!(#end)));
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
            let limit = without_self(quote!(#limit));
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
