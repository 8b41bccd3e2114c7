//! [`definition`]: generates the expression that makes a tool's `ToolDefinition` when the program starts.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::ImplType;
use crate::model::{LaterDocs, Tool};
use crate::parse::attribute_keys::LitOrExpr;
use crate::parse::tool_attr::Roles;
use crate::spans::{generated, span_of};

/// The expression of a tool's definition.
pub(super) fn definition(tool: &Tool, name: &TokenStream, impl_type: &ImplType) -> TokenStream {
    let (description, allow_unknown) = (&tool.description, tool.options.allow_unknown.code());
    let generics = impl_type.turbofish();
    let (docs, describe) = tool.later_docs.as_ref().map(later_docs).unzip();
    let fields = fields(tool);
    let settings = settings(tool);
    quote! {
        #[allow(unused_imports)]
        use __platools::{FallibleReturn as _, FutureReturn as _, PlainReturn as _};
        let __parameters = __platools_parameters0 #generics ();
        #docs
        let mut __definition = __platools::declared(#name, #description, &__parameters, #allow_unknown);
        #describe
        #(__definition.#fields;)*
        #(#settings)*
        __definition
    }
}

/// The statements that read a doc comment, and that describe arguments by it.
fn later_docs(docs: &LaterDocs) -> (TokenStream, TokenStream) {
    let LaterDocs { fragments, names, undescribed } = docs;
    let undescribed = undescribed.iter().map(|(own, shown)| quote!((#own, #shown)));
    (
        quote!(let __docs = __platools::Docs::read(&[#fragments]);),
        quote!(__platools::describe(&mut __definition, &__docs, &[#(#names),*], &[#(#undescribed),*]);),
    )
}

/// The assignments of values known at compile time.
fn fields(tool: &Tool) -> Vec<TokenStream> {
    let options = &tool.options;
    let execution = execution(tool);
    let mut fields = vec![quote!(execution = #execution)];
    fields.extend(output_schema(tool));
    if let Some(LitOrExpr::Lit(auth)) = options.auth {
        let auth = Ident::new(auth, Span::call_site());
        fields.push(quote!(auth = __platools::Auth::#auth));
    }
    fields.extend(options.roles.as_ref().map(roles));
    if !options.annotations.is_empty() {
        let meta_items = options.annotations.iter().map(|(key, value)| quote!((#key, #value)));
        fields.push(quote!(annotations = __platools::annotations([#(#meta_items),*])));
    }
    fields.extend(limits(tool));
    fields
}

fn roles(roles: &Roles) -> TokenStream {
    match roles {
        Roles::Listed(roles) => quote!(roles = __platools::roles(&[#(#roles),*])),
        Roles::By(roles) => {
            let span = span_of(roles);
            quote_spanned!(span=> roles = __platools::roles_of(#roles))
        }
    }
}

fn output_schema(tool: &Tool) -> Option<TokenStream> {
    let options = &tool.options;
    if let Some(path) = &options.output_schema_with {
        let span = generated(path.span());
        return Some(quote_spanned!(span=> output_schema = __platools::output_schema_with(#path)));
    }
    let kind = kind_of_return(tool);
    (!options.no_output_schema).then(|| quote!(output_schema = #kind.output_schema()))
}

fn limits(tool: &Tool) -> impl Iterator<Item = TokenStream> {
    let options = &tool.options;
    let timeout = options.timeout.as_ref().and_then(written).map(|milliseconds| {
        quote!(timeout = ::core::option::Option::Some(::core::time::Duration::from_millis(#milliseconds)))
    });
    let concurrency = options.max_concurrency.as_ref().and_then(written);
    let concurrency = concurrency.map(|calls| quote!(max_concurrency = ::core::num::NonZeroU32::new(#calls)));
    let rate = options.rate.as_ref().and_then(written);
    let rate = rate.map(|(calls, per)| quote!(rate_limit = __platools::rate(#calls, #per)));
    let expose = match &options.expose_errors {
        LitOrExpr::Lit(false) => None,
        expose => {
            let expose = expose.code();
            Some(quote!(expose_errors = #expose))
        }
    };
    [timeout, concurrency, rate, expose].into_iter().flatten()
}

fn written<T>(given: &LitOrExpr<T>) -> Option<&T> {
    match given {
        LitOrExpr::Lit(value) => Some(value),
        LitOrExpr::Expr(_) => None,
    }
}

/// The statements that set values given as expressions.
fn settings(tool: &Tool) -> Vec<TokenStream> {
    let options = &tool.options;
    let expressions = [
        ("set_auth", expression(options.auth.as_ref())),
        ("set_timeout", expression(options.timeout.as_ref())),
        ("set_max_concurrency", expression(options.max_concurrency.as_ref())),
        ("set_rate", expression(options.rate.as_ref())),
    ];
    let given = expressions.into_iter().filter_map(|(set, expression)| Some((set, expression?)));
    let set = given.map(|(set, expression)| {
        let span = span_of(expression);
        let set = Ident::new(set, span);
        quote_spanned!(span=> __platools::#set(&mut __definition, #expression);)
    });
    set.collect()
}

fn expression<T>(given: Option<&LitOrExpr<T>>) -> Option<&Expr> {
    match given? {
        LitOrExpr::Expr(expression) => Some(expression),
        LitOrExpr::Lit(_) => None,
    }
}

fn execution(tool: &Tool) -> TokenStream {
    let otherwise = Ident::new(if tool.is_async { "Task" } else { "Blocking" }, Span::call_site());
    match &tool.options.inline {
        LitOrExpr::Lit(true) => quote!(__platools::Execution::Inline),
        LitOrExpr::Lit(false) => quote!(__platools::Execution::#otherwise),
        inline => {
            let inline = inline.code();
            quote!(if #inline { __platools::Execution::Inline } else { __platools::Execution::#otherwise })
        }
    }
}

/// An expression that tells by type whether the function returns a `Result`. Every use has the same tokens, so that a type that
/// cannot be returned is reported once.
pub(super) fn kind_of_return(tool: &Tool) -> TokenStream {
    let returns = &tool.returns;
    let is_described = !tool.options.no_output_schema && tool.options.output_schema_with.is_none();
    let kind = if is_described { "kind_of_return" } else { "kind_of_undescribed_return" };
    let kind = Ident::new(kind, tool.returns_span);
    quote_spanned! {tool.returns_span=>
        (&__platools::Returned::<#returns>::new()).#kind()
    }
}
