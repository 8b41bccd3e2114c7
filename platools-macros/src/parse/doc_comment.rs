//! [`DocComment`]: reads the doc comment of a function or parameter from the `#[doc]` attributes that the compiler makes of it.

use platools_attributes::{DocAttribute, Docs, described};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, MetaList, MetaNameValue, Token};

use crate::errors::Errors;
use crate::parse::attribute_keys::{LitOrExpr, ungrouped};

/// The doc comment of a function or a parameter.
///
/// It is read while the tool compiles, if it is made of literals. If a part is an expression, such as `include_str!`, or depends on a
/// `cfg`, the expansion names the parts, and they are read when the definition of the tool is made.
#[derive(Default)]
pub(crate) struct DocComment {
    parts: Vec<Part>,
}

/// A part of a doc comment: one attribute.
struct Part {
    form: Form,
    text: LitOrExpr<LitStr>,
    span: Span,
    /// The predicates of the `cfg_attr` around it.
    conditions: Vec<TokenStream>,
}

/// The syntax of a part; the variants of `DocAttribute`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Line,
    Block,
    Text,
}

impl DocComment {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut comment = Self::default();
        for attribute in attributes {
            comment.add(&attribute.meta, attribute.span(), &[]);
        }
        comment
    }

    fn add(&mut self, meta: &Meta, span: Span, conditions: &[TokenStream]) {
        match meta {
            Meta::NameValue(MetaNameValue { path, value, .. }) if path.is_ident("doc") => {
                let (form, text) = match ungrouped(value.clone()) {
                    Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => (form(&text), LitOrExpr::Lit(text)),
                    expression => (Form::Text, LitOrExpr::Expr(expression)),
                };
                self.parts.push(Part { form, text, span, conditions: conditions.to_vec() });
            }
            Meta::List(list) if list.path.is_ident("cfg_attr") => self.add_conditional(list, span, conditions),
            _ => {}
        }
    }

    fn add_conditional(&mut self, list: &MetaList, span: Span, outer: &[TokenStream]) {
        let mut tokens = list.tokens.clone().into_iter();
        let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
        let predicate: TokenStream = tokens.by_ref().take_while(|token| !is_comma(token)).collect();
        let attributes = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens.collect());
        let conditions = [outer, &[predicate]].concat();
        // Attributes that cannot be read are the compiler's to refuse.
        for meta in attributes.iter().flatten() {
            self.add(meta, span, &conditions);
        }
    }

    /// Returns true for an attribute that documents: `#[doc ...]`, or a `#[cfg_attr(...)]` around one.
    pub(crate) fn is_part(meta: &Meta) -> bool {
        let mut comment = Self::default();
        comment.add(meta, Span::call_site(), &[]);
        meta.path().is_ident("doc") || !comment.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Reads the doc comment; `None` if the value of a part is not known at compile time.
    pub(crate) fn read(&self) -> Option<Docs> {
        self.with_fragments(Docs::read)
    }

    /// The description of a parameter; `None` if the value of a part is not known at compile time.
    pub(crate) fn description(&self) -> Option<String> {
        self.with_fragments(described)
    }

    fn with_fragments<R>(&self, read: impl FnOnce(&[DocAttribute<'_>]) -> R) -> Option<R> {
        let texts: Option<Vec<_>> = self.parts.iter().map(|part| Some((part.form, part.known()?))).collect();
        let texts = texts?;
        let fragments = texts.iter().map(|(form, text)| match form {
            Form::Line => DocAttribute::Line(text),
            Form::Block => DocAttribute::Block(text),
            Form::Text => DocAttribute::Text(text),
        });
        Some(read(&fragments.collect::<Vec<_>>()))
    }

    /// The parts, as the elements of a list of fragments.
    pub(crate) fn fragments(&self) -> TokenStream {
        let fragments = self.parts.iter().map(|Part { form, text, span, conditions }| {
            let form = Ident::new(&format!("{form:?}"), *span);
            quote!(#(#[cfg(#conditions)])* __platools::DocAttribute::#form(#text))
        });
        quote!(#(#fragments),*)
    }

    /// Refuses items of the section `# Arguments` about anything but a parameter, which no caller would ever see.
    pub(crate) fn check(&self, docs: &Docs, parameters: &[String], errors: &mut Errors) {
        let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
        for (name, mistake) in docs.about_nothing(&parameters) {
            errors.add(syn::Error::new(self.span_of_item(name), mistake));
        }
    }

    fn span_of_item(&self, name: &str) -> Span {
        let begins_item =
            |part: &&Part| part.known().is_some_and(|text| text.lines().any(|line| Docs::begins_item(line, name)));
        let part = self.parts.iter().find(begins_item).or(self.parts.first());
        part.map_or_else(Span::call_site, |part| part.span)
    }
}

impl Part {
    fn known(&self) -> Option<String> {
        match &self.text {
            LitOrExpr::Lit(text) if self.conditions.is_empty() => Some(text.value()),
            _ => None,
        }
    }
}

/// The syntax of a text. The compiler turns comments into attributes, and leaves the stars of block comments in them.
fn form(text: &LitStr) -> Form {
    match text.span().source_text() {
        Some(source) if source.starts_with("//") => Form::Line,
        Some(source) if source.starts_with("/*") => Form::Block,
        Some(_) => Form::Text,
        None => probable_form(&text.value()),
    }
}

/// The form of a text whose source is not at hand, as in an editor.
fn probable_form(text: &str) -> Form {
    let mut lines = text.lines().skip(1).filter(|line| !line.trim().is_empty()).peekable();
    let has_stars =
        lines.peek().is_some() && lines.all(|line| line.starts_with(' ') && line.trim_start().starts_with('*'));
    match text.contains('\n') {
        true if has_stars => Form::Block,
        false if text.starts_with(' ') => Form::Line,
        _ => Form::Text,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn doc_comments_are_read_with_other_attributes_in_between() {
        let comment = DocComment::of(&[
            parse_quote!(#[doc = " First."]),
            parse_quote!(#[inline]),
            parse_quote!(#[doc = "   indented"]),
            parse_quote!(#[doc(hidden)]),
            parse_quote!(#[doc(alias = "other")]),
        ]);
        assert_eq!(comment.description().expect("literals"), "First.\n  indented");
    }

    #[test]
    fn parts_that_are_known_later_leave_the_reading_to_later() {
        let attribute: Attribute = parse_quote!(#[cfg_attr(all(unix, x), must_use, doc = "a", cfg_attr(y, doc = "b"))]);
        let comment = DocComment::of(&[attribute, parse_quote!(#[doc = include_str!("x.md")])]);
        assert!(comment.read().is_none() && !comment.is_empty());
        let expected = quote! {
            #[cfg(all(unix, x))] __platools::DocAttribute::Text("a"),
            #[cfg(all(unix, x))] #[cfg(y)] __platools::DocAttribute::Text("b"),
            __platools::DocAttribute::Text(include_str!("x.md"))
        };
        assert_eq!(comment.fragments().to_string(), expected.to_string());
    }

    #[test]
    fn the_form_of_a_text_without_its_source_is_the_probable_one() {
        for (text, form) in [
            (" line", Form::Line),
            ("\n * a\n * b\n ", Form::Block),
            ("a\n* b\n* c", Form::Text),
            ("text", Form::Text),
            ("", Form::Text),
        ] {
            assert_eq!(probable_form(text), form, "{text:?}");
        }
    }
}
