//! A function as it was written, and as it is emitted: without the attributes that are ours.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Meta, Receiver, Signature, Visibility};

use crate::arg::Marks;
use crate::docs::DocComment;
use crate::errors::Errors;

/// A function, its body unread.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenStream,
}

/// What was said about one parameter.
pub(crate) struct Said {
    pub(crate) docs: DocComment,
    pub(crate) marks: Marks,
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

    /// Takes what was said about each parameter (but `self`) out of the signature, where the compiler would refuse it.
    pub(crate) fn take_said(&mut self, errors: &mut Errors) -> Vec<Said> {
        let typed = self.signature.inputs.iter_mut().filter_map(|input| match input {
            FnArg::Typed(parameter) => Some(parameter),
            FnArg::Receiver(_) => None,
        });
        typed
            .map(|parameter| {
                let docs = DocComment::of(&parameter.attrs);
                let is_doc = |meta: &Meta| meta.path().is_ident("doc") || DocComment::is_conditional(meta);
                parameter.attrs.retain(|attribute| !is_doc(&attribute.meta));
                Said { docs, marks: Marks::take(&mut parameter.attrs, errors) }
            })
            .collect()
    }

    /// The attributes that concern whatever is generated beside the function: under which conditions it exists.
    pub(crate) fn conditions(&self) -> Vec<&Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
    }
}
