//! A tool, understood.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::{FnArg, Pat, PatType, ReturnType};

use crate::attr::ToolOptions;
use crate::docs::Docs;
use crate::errors::Errors;
use crate::function::Function;
use crate::parameter::{Argument, Parameter};
use crate::{check, name};

/// All that an expansion needs to know of a tool.
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) description: String,
    pub(crate) options: ToolOptions,
    pub(crate) ident: Ident,
    pub(crate) is_async: bool,
    pub(crate) is_method: bool,
    pub(crate) takes_self: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: TokenStream,
    pub(crate) returns_span: Span,
}

/// Where a function stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Free,
    /// In an impl block with `#[tools]`.
    Impl,
}

impl Tool {
    /// Understands a function, and takes the attributes that are ours out of it; `None` once there are mistakes.
    pub(crate) fn new(
        function: &mut Function,
        options: ToolOptions,
        place: Place,
        errors: &mut Errors,
    ) -> Option<Self> {
        let docs = Docs::of(&function.attributes);
        check::signature(&function.signature, errors);
        check::receiver(&function.signature, place, errors);
        let parameters = parameters(function, &docs, errors);
        let ident = function.signature.ident.clone();
        let (name, name_span) = match &options.name {
            Some(name) => (name.value(), name.span()),
            None => (ident.unraw().to_string(), ident.span()),
        };
        if let Err(problem) = name::check_tool(&name) {
            errors.add(syn::Error::new(name_span, problem));
        }
        let description = options.description.as_ref().map_or(docs.description, syn::LitStr::value);
        if description.is_empty() {
            errors.at(&ident, "say what the tool does in a doc comment (`/// ...`): models choose tools by it");
        }
        let (returns, returns_span) = returns(function);
        let (is_async, takes_self) = (function.signature.asyncness.is_some(), function.receiver().is_some());
        let is_method = place == Place::Impl;
        let tool = Self {
            name,
            name_span,
            description,
            options,
            ident,
            is_async,
            is_method,
            takes_self,
            parameters,
            returns,
            returns_span,
        };
        errors.is_empty().then_some(tool)
    }

    /// The parameters that come from the caller, in order.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Argument(argument) => Some(&**argument),
            Parameter::Injected(_) => None,
        })
    }
}

fn parameters(function: &mut Function, docs: &Docs, errors: &mut Errors) -> Vec<Parameter> {
    let said = function.take_said(errors);
    let typed = function.signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    });
    let parameters: Vec<Parameter> =
        typed.zip(said).filter_map(|(written, said)| Parameter::new(written, said, docs, errors)).collect();
    docs.check(&documentable(function, &parameters), errors);
    let names = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Argument(argument) => Some((argument.name.as_str(), argument.name_span)),
        Parameter::Injected(_) => None,
    });
    for error in name::repeated(names, |name| format!("there are two arguments named `{name}`; rename one")) {
        errors.add(error);
    }
    parameters
}

/// The names under which parameters are described: those in the function, and those that callers see.
fn documentable(function: &Function, parameters: &[Parameter]) -> Vec<String> {
    let written = function.signature.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => Some("self".to_owned()),
        FnArg::Typed(PatType { pat, .. }) => match &**pat {
            Pat::Ident(pattern) => Some(pattern.ident.unraw().to_string()),
            _ => None,
        },
    });
    let shown = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Argument(argument) => Some(argument.name.clone()),
        Parameter::Injected(_) => None,
    });
    let mut names: Vec<String> = written.collect();
    names.extend(shown.filter(|name| !names.contains(name)).collect::<Vec<_>>());
    names
}

fn returns(function: &Function) -> (TokenStream, Span) {
    match &function.signature.output {
        ReturnType::Default => (quote!(()), name::generated(function.signature.ident.span())),
        ReturnType::Type(_, ty) => (ty.to_token_stream(), name::span_of(ty)),
    }
}
