//! [`ImplType`]: repeats the type of an impl block and its generic parameters in generated items, which cannot use those of the block
//! around them.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::{GenericParam, Generics, ItemImpl, TypeParam, WherePredicate, parse_quote};

use crate::spans::{SELF_ALIAS, mentions};

/// The type of an impl block. Generated items repeat its generic parameters, as items inside of a function cannot use those around them.
pub(crate) struct ImplType {
    generics: Generics,
    /// The parameters that the type itself names, and not only a bound.
    in_type: Vec<TokenStream>,
}

impl ImplType {
    /// No type, for a free function.
    pub(crate) fn none() -> Self {
        Self { generics: Generics::default(), in_type: Vec::new() }
    }

    /// The type of an impl block. What a registry shares between threads is a bound of each implementation for a generic type, so that the
    /// author need not write it.
    pub(crate) fn of(block: &ItemImpl) -> Self {
        let (mut generics, ty) = (block.generics.clone(), &block.self_ty);
        if generics.params.is_empty() {
            return Self { generics, in_type: Vec::new() };
        }
        let types: Vec<_> = generics.type_params().map(|TypeParam { ident, .. }| ident.clone()).collect();
        let bounds = &mut generics.make_where_clause().predicates;
        bounds.push(parse_quote!(#ty: ::core::marker::Send + ::core::marker::Sync + 'static));
        bounds.extend(types.iter().map(|ty| -> WherePredicate { parse_quote!(#ty: 'static) }));
        let in_type = generics.params.iter().filter_map(|parameter| match parameter {
            GenericParam::Type(TypeParam { ident, .. }) => Some(ident.to_token_stream()),
            GenericParam::Const(parameter) => Some(parameter.ident.to_token_stream()),
            GenericParam::Lifetime(_) => None,
        });
        let in_type = in_type.filter(|name| mentions(ty.to_token_stream(), &name.to_string())).collect();
        Self { generics, in_type }
    }

    pub(crate) fn is_generic(&self) -> bool {
        !self.generics.params.is_empty()
    }

    /// `<S: Store>`
    pub(crate) fn impl_generics(&self) -> TokenStream {
        self.generics.split_for_impl().0.to_token_stream()
    }

    /// `<S>`
    pub(super) fn type_generics(&self) -> TokenStream {
        self.generics.split_for_impl().1.to_token_stream()
    }

    /// `::<S>`, for expressions.
    pub(super) fn turbofish(&self) -> TokenStream {
        self.generics.split_for_impl().1.as_turbofish().to_token_stream()
    }

    /// The clause `where S: Send`.
    pub(crate) fn where_clause(&self) -> TokenStream {
        self.generics.where_clause.to_token_stream()
    }

    /// The alias in place of `Self`, as an expression or a type.
    pub(super) fn alias(&self) -> TokenStream {
        let (alias, parameters) = (format_ident!("{SELF_ALIAS}"), &self.in_type);
        if parameters.is_empty() { quote!(#alias) } else { quote!(#alias::<#(#parameters),*>) }
    }

    /// The declaration of the alias.
    pub(crate) fn declared_alias(&self, block: &ItemImpl) -> TokenStream {
        let (alias, ty) = (format_ident!("{SELF_ALIAS}"), &block.self_ty);
        let is_in_type = |name: String| self.in_type.iter().any(|known| known.to_string() == name);
        let parameters = block.generics.params.iter().filter(|parameter| match parameter {
            GenericParam::Type(TypeParam { ident, .. }) => is_in_type(ident.to_string()),
            GenericParam::Const(parameter) => is_in_type(parameter.ident.to_string()),
            GenericParam::Lifetime(_) => false,
        });
        let parameters: Vec<_> = parameters.collect();
        match parameters[..] {
            [] => quote!(type #alias = #ty;),
            _ => quote!(#[allow(type_alias_bounds)] type #alias<#(#parameters),*> = #ty;),
        }
    }

    /// A type that names all parameters, for structs that would not otherwise.
    pub(super) fn phantom(&self) -> Option<TokenStream> {
        let types = self.generics.type_params().map(|parameter| &parameter.ident);
        self.is_generic()
            .then(|| quote!(::core::marker::PhantomData<fn() -> (#(::core::marker::PhantomData<#types>,)*)>))
    }

    pub(super) fn make_phantom(&self) -> Option<TokenStream> {
        self.is_generic().then(|| quote!(::core::marker::PhantomData))
    }
}
