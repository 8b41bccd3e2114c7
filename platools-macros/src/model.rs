//! [`Tool`]: parses a function or method with its attributes into a tool. `expand` generates all code from it.

use platools_attributes::Docs;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::{FnArg, Pat, PatType, ReturnType};

use crate::errors::Errors;
use crate::parse::attribute_keys::LitOrExpr;
use crate::parse::doc_comment::DocComment;
use crate::parse::item_fn::Function;
use crate::parse::parameter::{ArgDescription, Argument, Parameter};
use crate::parse::tool_attr::ToolOptions;
use crate::spans;

/// A tool, parsed from a function or method and its attributes.
pub(crate) struct Tool {
    pub(crate) name: LitOrExpr<String>,
    pub(crate) name_span: Span,
    /// An expression of text.
    pub(crate) description: TokenStream,
    pub(crate) later_docs: Option<LaterDocs>,
    pub(crate) options: ToolOptions,
    pub(crate) ident: Ident,
    pub(crate) is_async: bool,
    pub(crate) is_method: bool,
    pub(crate) takes_self: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: TokenStream,
    pub(crate) returns_span: Span,
}

/// A doc comment that is read when the definition is made.
pub(crate) struct LaterDocs {
    /// The elements of a list of fragments.
    pub(crate) fragments: TokenStream,
    /// The names of parameters that the comment may describe.
    pub(crate) names: Vec<String>,
    /// The names of arguments without a description of their own: in the function, and for callers.
    pub(crate) undescribed: Vec<(String, TokenStream)>,
}

/// The kind of item that is a tool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Function,
    /// A method or associated function in an impl block with `#[tool]`.
    Method,
}

impl Tool {
    /// Parses a function and removes the attributes of its parameters; `None` once there are errors, of this phase or an earlier one.
    pub(crate) fn parse(
        function: &mut Function,
        options: ToolOptions,
        kind: ItemKind,
        errors: &mut Errors,
    ) -> Option<Self> {
        let comment = DocComment::of(&function.attributes);
        let docs = comment.read();
        let parameters = parameters(function, docs.as_ref(), errors);
        let names = documentable(function, &parameters);
        if let Some(docs) = &docs {
            comment.check(docs, &names, errors);
        }
        let ident = function.signature.ident.clone();
        let (name, name_span) = name(&options, &ident, errors);
        let description = description(&options, docs.as_ref(), &comment, &ident, errors);
        let later_docs = docs.is_none().then(|| LaterDocs::new(&comment, names, &parameters));
        let (returns, returns_span) = returns(function);
        let (is_async, takes_self) = (function.signature.asyncness.is_some(), function.receiver().is_some());
        let is_method = kind == ItemKind::Method;
        let tool = Self {
            name,
            name_span,
            description,
            later_docs,
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

impl LaterDocs {
    fn new(comment: &DocComment, names: Vec<String>, parameters: &[Parameter]) -> Self {
        let undescribed = parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Argument(argument) if matches!(argument.description, ArgDescription::Missing) => {
                Some((argument.own_name.clone(), argument.name.to_token_stream()))
            }
            _ => None,
        });
        Self { fragments: comment.fragments(), names, undescribed: undescribed.collect() }
    }
}

fn name(options: &ToolOptions, ident: &Ident, errors: &mut Errors) -> (LitOrExpr<String>, Span) {
    let (name, span) = match &options.name {
        Some(LitOrExpr::Expr(name)) => return (LitOrExpr::Expr(name.clone()), spans::span_of(name)),
        Some(LitOrExpr::Lit(name)) => (name.value(), name.span()),
        None => (ident.unraw().to_string(), ident.span()),
    };
    if let Err(problem) = platools_attributes::check_tool(&name) {
        errors.add(syn::Error::new(span, problem));
    }
    (LitOrExpr::Lit(name), span)
}

/// The description, as an expression; one that is known to be empty is a mistake.
fn description(
    options: &ToolOptions,
    docs: Option<&Docs>,
    comment: &DocComment,
    ident: &Ident,
    errors: &mut Errors,
) -> TokenStream {
    match (&options.description, docs.map(Docs::description)) {
        (Some(given), _) => given.to_token_stream(),
        (None, Some("")) if comment.is_empty() => {
            errors.at(ident, "say what the tool does in a doc comment (`/// ...`): models choose tools by it");
            TokenStream::new()
        }
        (None, Some("")) => {
            errors.at(
                ident,
                "say what the tool does at the beginning of its doc comment: models choose tools by it, and sections such as \
                 `# Errors` and `# Examples` are left out",
            );
            TokenStream::new()
        }
        (None, Some(text)) => text.to_token_stream(),
        (None, None) => quote!(__docs.description()),
    }
}

fn parameters(function: &mut Function, docs: Option<&Docs>, errors: &mut Errors) -> Vec<Parameter> {
    let attributes = function.take_parameter_attributes(errors);
    let typed = function.signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    });
    let parameters: Vec<Parameter> = typed
        .zip(attributes)
        .filter_map(|(written, attributes)| Parameter::new(written, attributes, docs, errors))
        .collect();
    let names = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Argument(argument) => Some((argument.known_name()?, argument.name_span)),
        Parameter::Injected(_) => None,
    });
    for error in spans::repeated(names, |name| format!("there are two arguments named `{name}`; rename one")) {
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
        Parameter::Argument(argument) => argument.known_name().map(str::to_owned),
        Parameter::Injected(_) => None,
    });
    let mut names: Vec<String> = written.collect();
    names.extend(shown.filter(|name| !names.contains(name)).collect::<Vec<_>>());
    names
}

fn returns(function: &Function) -> (TokenStream, Span) {
    match &function.signature.output {
        ReturnType::Default => (quote!(()), spans::generated(function.signature.ident.span())),
        ReturnType::Type(_, ty) => (ty.to_token_stream(), spans::span_of(ty)),
    }
}
