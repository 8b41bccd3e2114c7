//! [`Parameter`]: reads one parameter of a tool's function. The parameter is an argument from the caller, or a value that the worker
//! injects.

use platools_attributes::Docs;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::{GenericArgument, Pat, PatType, PathArguments, Type, TypePath, TypeReference};

use crate::errors::Errors;
use crate::parse::arg_attr::{ArgOptions, ParameterAttributes};
use crate::parse::attribute_keys::LitOrExpr;
use crate::spans;

/// A parsed parameter.
pub(crate) enum Parameter {
    /// Comes from the caller.
    Argument(Box<Argument>),
    /// Comes from the call's context or the registry's state.
    Injected(Box<Injected>),
}

/// A parameter that comes from the caller.
pub(crate) struct Argument {
    /// The name in the function.
    pub(crate) own_name: String,
    /// The name that callers see.
    pub(crate) name: LitOrExpr<String>,
    pub(crate) name_span: Span,
    pub(crate) description: ArgDescription,
    /// The type that is decoded, and owned for the length of the call.
    pub(crate) value: TokenStream,
    /// The type as written, for messages.
    pub(crate) span: Span,
    pub(crate) pass: ArgPassing,
    pub(crate) options: ArgOptions,
}

/// The description of an argument.
pub(crate) enum ArgDescription {
    /// No description so far.
    Missing,
    /// A text known now.
    Literal(String),
    /// An expression of the text.
    Expression(TokenStream),
}

/// The form in which the function takes the decoded value.
#[derive(Clone, Copy)]
pub(crate) enum ArgPassing {
    Owned,
    /// `&value`
    Borrowed,
    /// `value.as_deref()`
    OptionOfBorrowed,
}

/// A parameter that the worker provides.
pub(crate) struct Injected {
    pub(crate) name: String,
    pub(crate) ty: Box<Type>,
    pub(crate) cloned: bool,
}

impl Parameter {
    /// Parses a parameter and reports every error in it.
    pub(crate) fn new(
        written: &PatType,
        attributes: ParameterAttributes,
        docs: Option<&Docs>,
        errors: &mut Errors,
    ) -> Option<Self> {
        for attribute in written.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
            errors
                .at(attribute, "a tool's schema cannot depend on a `cfg` of one parameter; write a tool for each case");
        }
        let ident = errors.keep(ident(&written.pat));
        let source = errors.keep(source(&written.ty, &attributes))?;
        let ident = ident?;
        match source {
            Source::Caller(value, pass) => {
                let argument = Argument::new(&ident, (value, pass), &written.ty, (attributes, docs));
                check_name(&argument, errors);
                Some(Self::Argument(Box::new(argument)))
            }
            Source::Worker(ty, cloned) => {
                Some(Self::Injected(Box::new(Injected { name: ident.unraw().to_string(), ty, cloned })))
            }
        }
    }
}

impl Argument {
    fn new(
        ident: &Ident,
        (value, pass): (TokenStream, ArgPassing),
        ty: &Type,
        (attributes, docs): (ParameterAttributes, Option<&Docs>),
    ) -> Self {
        let options = attributes.arg.unwrap_or_default();
        let own_name = ident.unraw().to_string();
        let (name, name_span) = match &options.name {
            Some(LitOrExpr::Lit(name)) => (LitOrExpr::Lit(name.value()), name.span()),
            Some(LitOrExpr::Expr(name)) => (LitOrExpr::Expr(name.clone()), spans::span_of(name)),
            None => (LitOrExpr::Lit(own_name.clone()), ident.span()),
        };
        let description = match (&options.description, attributes.docs.description()) {
            (Some(LitOrExpr::Lit(text)), _) => ArgDescription::Literal(text.value()),
            (Some(LitOrExpr::Expr(text)), _) => ArgDescription::Expression(text.to_token_stream()),
            (None, Some(text)) if text.is_empty() => ArgDescription::in_section(docs, &own_name, &name),
            (None, Some(text)) => ArgDescription::Literal(text),
            (None, None) => {
                let fragments = attributes.docs.fragments();
                ArgDescription::Expression(quote!(&__platools::described(&[#fragments])))
            }
        };
        Self { own_name, name, name_span, description, value, span: spans::span_of(ty), pass, options }
    }

    /// The name that callers see, if it is written out.
    pub(crate) fn known_name(&self) -> Option<&str> {
        match &self.name {
            LitOrExpr::Lit(name) => Some(name),
            LitOrExpr::Expr(_) => None,
        }
    }
}

impl ArgDescription {
    /// The description in the section `# Arguments`, under either name.
    fn in_section(docs: Option<&Docs>, own_name: &str, name: &LitOrExpr<String>) -> Self {
        let other = match name {
            LitOrExpr::Lit(name) => name,
            LitOrExpr::Expr(_) => own_name,
        };
        let found = docs.and_then(|docs| docs.argument(own_name).or(docs.argument(other)));
        found.map_or(Self::Missing, |text| Self::Literal(text.to_owned()))
    }
}

fn check_name(argument: &Argument, errors: &mut Errors) {
    if let Some(Err(problem)) = argument.known_name().map(platools_attributes::check_argument) {
        errors.add(syn::Error::new(argument.name_span, problem));
    }
}

fn ident(pattern: &Pat) -> syn::Result<Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Ok(pattern.ident.clone()),
        other => Err(syn::Error::new_spanned(
            other,
            "a parameter of a tool has a plain name, which its schema shows; take the value apart inside the function",
        )),
    }
}

enum Source {
    Caller(TokenStream, ArgPassing),
    Worker(Box<Type>, bool),
}

fn source(ty: &Type, attributes: &ParameterAttributes) -> syn::Result<Source> {
    if attributes.arg.is_some() && attributes.inject {
        return Err(syn::Error::new_spanned(ty, "a parameter is either `#[arg]` or `#[inject]`, not both"));
    }
    if spans::mentions(ty.to_token_stream(), "impl") {
        return Err(syn::Error::new_spanned(
            ty,
            "a tool's parameters have types with names; write one in place of `impl`",
        ));
    }
    match ungrouped(ty) {
        Type::Reference(TypeReference { mutability: Some(_), .. }) => Err(syn::Error::new_spanned(
            ty,
            "calls run at the same time, so nothing can be borrowed mutably; borrow with `&` and put what changes into a \
             `Mutex` or an atomic",
        )),
        Type::Reference(reference) => borrowed(reference, attributes),
        owned if attributes.inject => injected(owned, true),
        owned => argument(owned, attributes),
    }
}

/// A type out of parentheses and of the invisible group a `macro_rules!` puts around its arguments.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(parens) => ungrouped(&parens.elem),
        other => other,
    }
}

fn borrowed(reference: &TypeReference, attributes: &ParameterAttributes) -> syn::Result<Source> {
    // Any other lifetime is a generic parameter, which is a mistake of its own.
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
        return Err(syn::Error::new_spanned(
            lifetime,
            "a borrowed parameter lives as long as the call; leave the lifetime out",
        ));
    }
    if attributes.inject {
        return injected(&reference.elem, false);
    }
    if let Some(value) = owned_form(&reference.elem) {
        return owning(value, &reference.elem, ArgPassing::Borrowed);
    }
    match attributes.arg {
        Some(_) => owning(reference.elem.to_token_stream(), &reference.elem, ArgPassing::Borrowed),
        None => injected(&reference.elem, false),
    }
}

fn injected(ty: &Type, cloned: bool) -> syn::Result<Source> {
    if matches!(ungrouped(ty), Type::TraitObject(_)) {
        return Err(syn::Error::new_spanned(
            ty,
            "a trait object cannot be injected, because state is found by its exact type; inject a type that holds it, such as \
             `&Arc<dyn Trait>` or `&Box<dyn Trait>`",
        ));
    }
    match borrows(ty, Statics::Owned) {
        true => Err(syn::Error::new_spanned(
            ty,
            "an injected value lives in the registry, so its type cannot borrow; own the data, or share it in an `Arc`",
        )),
        false => Ok(Source::Worker(Box::new(ty.clone()), cloned)),
    }
}

fn argument(ty: &Type, attributes: &ParameterAttributes) -> syn::Result<Source> {
    let Some(Type::Reference(inner)) = inside_option(ty) else {
        return owning(ty.to_token_stream(), ty, ArgPassing::Owned);
    };
    if inner.mutability.is_none() && inner.lifetime.is_none() {
        if let Some(value) = owned_form(&inner.elem) {
            return owning(quote!(::core::option::Option<#value>), &inner.elem, ArgPassing::OptionOfBorrowed);
        }
        if attributes.arg.is_none() {
            return Err(syn::Error::new_spanned(
                ty,
                "an `Option` of a borrowed value is neither an argument nor injected; own the argument, or borrow it whole",
            ));
        }
    }
    owning(ty.to_token_stream(), ty, ArgPassing::Owned)
}

/// An argument, unless its type borrows.
fn owning(value: TokenStream, written: &Type, pass: ArgPassing) -> syn::Result<Source> {
    let checked = match written {
        Type::Slice(slice) => &*slice.elem,
        other => other,
    };
    match borrows(checked, Statics::Borrowed) {
        true => Err(syn::Error::new_spanned(
            written,
            "an argument owns its data, as the caller's is gone once it is decoded; use `String` for `&str`, `Vec<T>` for `&[T]`",
        )),
        false => Ok(Source::Caller(value, pass)),
    }
}

/// `String` for `str` and `Vec<T>` for `[T]`.
fn owned_form(borrowed: &Type) -> Option<TokenStream> {
    match ungrouped(borrowed) {
        Type::Path(TypePath { path, qself: None, .. }) if path.is_ident("str") => Some(quote!(::std::string::String)),
        Type::Slice(slice) => {
            let item = &slice.elem;
            Some(quote!(::std::vec::Vec<#item>))
        }
        _ => None,
    }
}

fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { path, qself: None, .. }) = ty else { return None };
    let last = path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(ungrouped(inner)),
        _ => None,
    }
}

/// The treatment of references with the lifetime `'static`: state may hold them, decoded values cannot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statics {
    Owned,
    Borrowed,
}

/// Returns true if a type holds a reference or names a lifetime, other than `'static`.
fn borrows(ty: &Type, statics: Statics) -> bool {
    fn any(tokens: TokenStream, statics: Statics) -> bool {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let borrows = match token {
                TokenTree::Punct(punct) if punct.as_char() == '&' => {
                    // With a lifetime, that decides.
                    let has_lifetime =
                        matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '\'');
                    !has_lifetime || statics == Statics::Borrowed
                }
                TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                    !matches!(tokens.next(), Some(TokenTree::Ident(ident)) if ident == "static")
                }
                TokenTree::Group(group) => any(group.stream(), statics),
                _ => false,
            };
            if borrows {
                return true;
            }
        }
        false
    }
    any(ty.to_token_stream(), statics)
}
