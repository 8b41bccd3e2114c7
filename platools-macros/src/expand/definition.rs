//! What a tool declares.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::model::Tool;
use crate::name::{generated, without_self};

/// The expression of a tool's definition.
pub(super) fn definition(tool: &Tool) -> TokenStream {
    let (name, description, allow_unknown) = (&tool.name, &tool.description, tool.options.allow_unknown);
    let fields = fields(tool);
    quote! {
        #[allow(unused_imports)]
        use __platools::{FallibleReturn as _, PlainReturn as _};
        let __parameters = __platools_parameters0();
        let mut __definition = __platools::declared(#name, #description, &__parameters, #allow_unknown);
        #(__definition.#fields;)*
        __definition
    }
}

/// The assignments of what was said about the tool.
fn fields(tool: &Tool) -> Vec<TokenStream> {
    let options = &tool.options;
    let execution = execution(tool);
    let mut fields = vec![quote!(execution = __platools::Execution::#execution)];
    fields.extend(output_schema(tool));
    if let Some(auth) = options.auth {
        let auth = Ident::new(auth, Span::call_site());
        fields.push(quote!(auth = __platools::Auth::#auth));
    }
    if let roles @ [_, ..] = &options.roles[..] {
        fields.push(quote!(roles = __platools::roles(&[#(#roles),*])));
    }
    if !options.annotations.is_empty() {
        let entries = options.annotations.iter().map(|(key, value)| quote!((#key, __platools::json(#value))));
        fields.push(quote!(annotations = __platools::annotations([#(#entries),*])));
    }
    fields.extend(limits(tool));
    fields
}

fn output_schema(tool: &Tool) -> Option<TokenStream> {
    let options = &tool.options;
    if let Some(path) = &options.output_schema_with {
        let (path, span) = (without_self(quote!(#path)), generated(path.span()));
        return Some(quote_spanned!(span=> output_schema = __platools::output_schema_with(#path)));
    }
    let kind = kind_of_return(tool);
    (!options.no_output_schema).then(|| quote!(output_schema = #kind.output_schema()))
}

fn limits(tool: &Tool) -> impl Iterator<Item = TokenStream> {
    let options = &tool.options;
    let timeout = options.timeout_ms.map(|milliseconds| {
        quote!(timeout = ::core::option::Option::Some(::core::time::Duration::from_millis(#milliseconds)))
    });
    let concurrency =
        options.max_concurrency.map(|calls| quote!(max_concurrency = ::core::num::NonZeroU32::new(#calls)));
    let rate = options.rate.map(|(calls, seconds)| quote!(rate_limit = __platools::rate(#calls, #seconds)));
    let expose = options.expose_errors.then(|| quote!(expose_errors = true));
    [timeout, concurrency, rate, expose].into_iter().flatten()
}

fn execution(tool: &Tool) -> Ident {
    let word = match (tool.options.inline, tool.is_async) {
        (true, _) => "Inline",
        (false, true) => "Task",
        (false, false) => "Blocking",
    };
    Ident::new(word, Span::call_site())
}

/// Whether the function returns a `Result`, settled by its type. The same tokens wherever it is asked, so that a type that cannot
/// be returned is one message.
pub(super) fn kind_of_return(tool: &Tool) -> TokenStream {
    let returns = without_self(tool.returns.clone());
    let is_described = !tool.options.no_output_schema && tool.options.output_schema_with.is_none();
    let kind = if is_described { "kind_of_return" } else { "kind_of_undescribed_return" };
    let kind = Ident::new(kind, tool.returns_span);
    quote_spanned! {tool.returns_span=>
        (&__platools::Returned::<#returns>::new()).#kind()
    }
}
