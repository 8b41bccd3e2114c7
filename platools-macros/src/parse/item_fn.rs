//! [`Function`]: reads the function under `#[tool]`, and writes it again without the attributes of this crate.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Receiver, Signature, Visibility};

use crate::errors::Errors;
use crate::parse::arg_attr::ParameterAttributes;

/// A function, its body unread.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

impl Function {
    pub(crate) fn new(
        attributes: &[Attribute],
        visibility: &Visibility,
        signature: &Signature,
        body: TokenStream,
    ) -> Self {
        let (attributes, visibility, signature) = (attributes.to_vec(), visibility.clone(), signature.clone());
        Self { attributes, visibility, signature, body }
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.signature.receiver()
    }

    /// Removes the attributes of each parameter (without `self`) from the signature, where the compiler would refuse them.
    pub(crate) fn take_parameter_attributes(&mut self, errors: &mut Errors) -> Vec<ParameterAttributes> {
        let typed = self.signature.inputs.iter_mut().filter_map(|input| match input {
            FnArg::Typed(parameter) => Some(parameter),
            FnArg::Receiver(_) => None,
        });
        typed.map(|parameter| ParameterAttributes::take(&mut parameter.attrs, errors)).collect()
    }

    /// The `#[cfg]` attributes, which generated items repeat.
    pub(crate) fn conditions(&self) -> Vec<&Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
    }
}
