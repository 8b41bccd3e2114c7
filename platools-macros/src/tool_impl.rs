//! [`expand`]: expands `#[tool]` on an impl block: each method with `#[tool]` becomes a tool of the block's type. `tool_fn.rs` expands
//! functions.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, Meta, Path};

use crate::check::impl_block::{self, elided_lifetime};
use crate::errors::Errors;
use crate::expand::ImplType;
use crate::model::{ItemKind, Tool};
use crate::parse::attribute_keys::{LitOrExpr, parse_meta_items};
use crate::parse::item_fn::Function;
use crate::parse::tool_attr::ToolOptions;
use crate::parse::tool_marker::{is_tool, refuse_second};
use crate::{check, expand, spans};

/// A method that is a tool, and the conditions under which it exists.
struct Method {
    tool: Tool,
    conditions: Vec<Attribute>,
}

/// Expands `#[tool(...)]` on an impl block.
pub(crate) fn expand(attribute: TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    let krate = named_crate(attribute, &mut errors);
    impl_block::check(&block, &mut errors);
    let (methods, found) = methods(&mut block, &mut errors);
    if !found {
        errors.at(&block.self_ty, "none of these methods is a tool; put `#[tool]` on those that are");
    }
    for error in repeated(&methods) {
        errors.add(error);
    }
    let impl_type = ImplType::of(&block);
    let tools = errors.is_empty().then(|| tools(&methods, &impl_type));
    let errors = errors.into_tokens();
    // Without a lifetime's name there is no implementation whose bounds could name it.
    let is_nameable = elided_lifetime(block.self_ty.to_token_stream()).is_none();
    let implementation =
        is_nameable.then(|| implementation(&block, &impl_type, &expand::krate(krate.as_ref()), tools.as_ref()));
    quote!(#errors #block #implementation)
}

fn named_crate(attribute: TokenStream, errors: &mut Errors) -> Option<Path> {
    let parse_meta_items = parse_meta_items(attribute, &["crate"], errors);
    let outcome = parse_meta_items.first().map(crate::parse::tool_attr::crate_path).transpose();
    errors.keep(outcome)?
}

/// Parses the tools among the methods. The flag is true if a method has `#[tool]`, even with errors.
fn methods(block: &mut ItemImpl, errors: &mut Errors) -> (Vec<Method>, bool) {
    let (mut methods, mut found) = (Vec::new(), false);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let Some(at) = method.attrs.iter().position(is_tool) else { continue };
        found = true;
        let attribute = method.attrs.remove(at);
        // The mistakes of one method leave the others their own.
        let mut own = Errors::default();
        refuse_second(&mut method.attrs, &mut own);
        methods.extend(parse_method(method, &attribute, &mut own));
        errors.join(own);
    }
    (methods, found)
}

fn parse_method(method: &mut ImplItemFn, attribute: &Attribute, errors: &mut Errors) -> Option<Method> {
    let tokens = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let options = ToolOptions::parse(tokens, errors);
    if let Some(krate) = &options.krate {
        errors.at(krate, "name the crate once, on the impl block: `#[tool(crate = ...)]`");
    }
    let mut function = Function::new(&method.attrs, &method.vis, &method.sig, method.block.to_token_stream());
    check::signature::signature(&function.signature, ItemKind::Method, errors);
    let tool = Tool::parse(&mut function, options, ItemKind::Method, errors);
    let conditions = function.conditions().into_iter().cloned().collect();
    method.sig = function.signature;
    Some(Method { tool: tool?, conditions })
}

/// Errors for names that two tools share. Tools with conditions are checked by the registry: they may exclude each other.
fn repeated(methods: &[Method]) -> Vec<syn::Error> {
    let unconditional = methods.iter().filter(|method| method.conditions.is_empty());
    let names = unconditional.filter_map(|method| match &method.tool.name {
        LitOrExpr::Lit(name) => Some((name.as_str(), method.tool.name_span)),
        LitOrExpr::Expr(_) => None,
    });
    spans::repeated(names, |name| {
        format!("there are two tools named `{name}`; rename one with `#[tool(name = \"...\")]`")
    })
}

/// The expression of all tools, sharing `__platools_value`.
fn tools(methods: &[Method], impl_type: &ImplType) -> TokenStream {
    let tools = methods.iter().map(|Method { tool, conditions }| {
        let tool = expand::method(tool, impl_type);
        quote!(#(#conditions)* { #tool as ::std::boxed::Box<dyn __platools::Tool> })
    });
    quote! {
        let __platools_value = self;
        __platools::boxed([#(#tools),*])
    }
}

fn implementation(
    block: &ItemImpl,
    impl_type: &ImplType,
    krate: &TokenStream,
    tools: Option<&TokenStream>,
) -> TokenStream {
    let (ty, alias) = (&block.self_ty, tools.map(|_| impl_type.declared_alias(block)));
    let stub = quote!(::core::panic!());
    let tools = tools.unwrap_or(&stub);
    let (declared, bounds) = (impl_type.impl_generics(), impl_type.where_clause());
    let conditions = block.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    quote! {
        #(#conditions)*
        // Bounds are added to those of the block, which may stand elsewhere.
        #[allow(deprecated, clippy::multiple_bound_locations)]
        const _: () = {
            use #krate::__private as __platools;
            #alias
            impl #declared __platools::ToolSet for #ty #bounds {
                fn tools(self: ::std::sync::Arc<Self>) -> ::std::vec::Vec<::std::boxed::Box<dyn __platools::Tool>> {
                    #tools
                }
            }
            impl #declared __platools::IntoTools for #ty #bounds {
                fn into_tools(self) -> ::std::vec::Vec<::std::boxed::Box<dyn __platools::Tool>> {
                    __platools::ToolSet::tools(::std::sync::Arc::new(self))
                }
            }
        };
    }
}
