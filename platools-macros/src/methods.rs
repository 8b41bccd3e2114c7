//! `#[tools]` on an impl block.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, Meta, Path};

use crate::attr::ToolOptions;
use crate::errors::Errors;
use crate::expand::Owner;
use crate::function::Function;
use crate::keys::{Given, entries};
use crate::model::{Place, Tool};
use crate::{expand, free, name};

/// A method that is a tool, and the conditions under which it exists.
struct Method {
    tool: Tool,
    conditions: Vec<Attribute>,
}

/// Expands `#[tools]`.
pub(crate) fn expand(attribute: TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    let krate = named_crate(attribute, &mut errors);
    check(&block, &mut errors);
    let (methods, found) = methods(&mut block, &mut errors);
    if !found {
        errors.at(&block.self_ty, "none of these methods is a tool; put `#[tool]` on those that are");
    }
    for error in repeated(&methods) {
        errors.add(error);
    }
    let owner = Owner::of(&block);
    let tools = errors.is_empty().then(|| tools(&methods, &owner));
    let errors = errors.into_tokens();
    // Without a lifetime's name there is no implementation whose bounds could name it.
    let is_nameable = elided_lifetime(block.self_ty.to_token_stream()).is_none();
    let implementation =
        is_nameable.then(|| implementation(&block, &owner, &expand::krate(krate.as_ref()), tools.as_ref()));
    quote!(#errors #block #implementation)
}

/// Whether an attribute is `#[tool]`, under whatever path.
pub(crate) fn is_tool(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "tool")
}

fn named_crate(attribute: TokenStream, errors: &mut Errors) -> Option<Path> {
    let entries = entries(attribute, &["crate"], errors);
    let outcome = entries.first().map(crate::attr::krate).transpose();
    errors.keep(outcome)?
}

fn check(block: &ItemImpl, errors: &mut Errors) {
    for lifetime in block.generics.lifetimes() {
        errors.at(lifetime, LIFETIME);
    }
    if let Some(lifetime) = elided_lifetime(block.self_ty.to_token_stream()) {
        errors.add(syn::Error::new(lifetime, LIFETIME));
    }
    if let Some((path, _)) = &block.trait_ {
        errors.at(path, "tools are methods of a type itself; put `#[tools]` on an impl block without a trait");
    }
}

const LIFETIME: &str = "a value whose methods are tools lives as long as its registry, so its type has no lifetime; own the data, or share it \
                        in an `Arc`";

/// The place of a `'_` or of a reference without a lifetime.
fn elided_lifetime(tokens: TokenStream) -> Option<Span> {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                matches!(tokens.peek(), Some(TokenTree::Ident(ident)) if ident == "_").then(|| punct.span())
            }
            TokenTree::Punct(punct) if punct.as_char() == '&' => {
                let has_lifetime = matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'');
                (!has_lifetime).then(|| punct.span())
            }
            TokenTree::Group(group) => elided_lifetime(group.stream()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The tools among the methods, and whether there were any, good or bad.
fn methods(block: &mut ItemImpl, errors: &mut Errors) -> (Vec<Method>, bool) {
    let (mut methods, mut found) = (Vec::new(), false);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let Some(at) = method.attrs.iter().position(is_tool) else { continue };
        found = true;
        let attribute = method.attrs.remove(at);
        // The mistakes of one method leave the others their own.
        let mut own = Errors::default();
        free::refuse_second(&mut method.attrs, &mut own);
        methods.extend(understand(method, &attribute, &mut own));
        errors.join(own);
    }
    (methods, found)
}

fn understand(method: &mut ImplItemFn, attribute: &Attribute, errors: &mut Errors) -> Option<Method> {
    let tokens = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let options = ToolOptions::parse(tokens, errors);
    if let Some(krate) = &options.krate {
        errors.at(krate, "name the crate once, on the impl block: `#[tools(crate = ...)]`");
    }
    let mut function = Function::new(&method.attrs, &method.vis, &method.sig, method.block.to_token_stream());
    let tool = Tool::new(&mut function, options, Place::Impl, errors);
    let conditions = function.conditions().into_iter().cloned().collect();
    method.sig = function.signature;
    Some(Method { tool: tool?, conditions })
}

/// Names that two tools have. Tools with conditions are left to the registry: they may exclude each other.
fn repeated(methods: &[Method]) -> Vec<syn::Error> {
    let unconditional = methods.iter().filter(|method| method.conditions.is_empty());
    let names = unconditional.filter_map(|method| match &method.tool.name {
        Given::Written(name) => Some((name.as_str(), method.tool.name_span)),
        Given::By(_) => None,
    });
    name::repeated(names, |name| {
        format!("there are two tools named `{name}`; rename one with `#[tool(name = \"...\")]`")
    })
}

/// The expression of all tools, sharing `__platools_value`.
fn tools(methods: &[Method], owner: &Owner) -> TokenStream {
    let tools = methods.iter().map(|Method { tool, conditions }| {
        let tool = expand::method(tool, owner);
        quote!(#(#conditions)* { #tool as ::std::boxed::Box<dyn __platools::Tool> })
    });
    quote! {
        let __platools_value = self;
        __platools::boxed([#(#tools),*])
    }
}

fn implementation(block: &ItemImpl, owner: &Owner, krate: &TokenStream, tools: Option<&TokenStream>) -> TokenStream {
    let (ty, alias) = (&block.self_ty, tools.map(|_| owner.declared_alias(block)));
    let stub = quote!(::core::panic!());
    let tools = tools.unwrap_or(&stub);
    let (declared, bounds) = (owner.declared(), owner.bounds());
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
