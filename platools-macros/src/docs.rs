//! Descriptions from doc comments.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::errors::Errors;
use crate::keys::{closest, ungrouped};

/// A function's doc comment: what the tool does, and what it says about its arguments.
#[derive(Default)]
pub(crate) struct Docs {
    pub(crate) description: String,
    items: Vec<Item>,
}

/// What the section `# Arguments` says about one parameter.
struct Item {
    name: String,
    text: String,
    span: Span,
    indent: usize,
}

impl Docs {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let comments: Vec<_> =
            attributes.iter().filter_map(|attribute| Some((comment(attribute)?, attribute.span()))).collect();
        Self::parse(comments.iter().flat_map(|(text, span)| text.split('\n').map(|line| (line, *span))))
    }

    /// What the section `# Arguments` says about a parameter.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|item| item.name == name).map(|item| item.text.as_str())
    }

    /// Refuses what the section `# Arguments` says about anything but a parameter, which no caller would ever see.
    pub(crate) fn check(&self, parameters: &[String], errors: &mut Errors) {
        let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
        for Item { name, span, .. } in self.items.iter().filter(|item| !parameters.contains(&item.name.as_str())) {
            let hint = match (closest(name, &parameters), &parameters[..]) {
                (Some(meant), _) => format!("did you mean `{meant}`?"),
                (None, []) => "the function takes none".to_owned(),
                (None, all) => format!("the function takes {}", all.join(", ")),
            };
            errors.add(syn::Error::new(*span, format!("there is no parameter `{name}` to describe; {hint}")));
        }
    }

    fn parse<'a>(lines: impl Iterator<Item = (&'a str, Span)>) -> Self {
        let (mut docs, mut kept, mut in_arguments) = (Self::default(), Vec::new(), false);
        for (line, span) in lines {
            if let Some(heading) = heading(line) {
                in_arguments = ["arguments", "args", "parameters"].contains(&heading.to_lowercase().as_str());
            }
            match in_arguments {
                true => docs.read_item(line, span),
                false => kept.push(line),
            }
        }
        docs.description = kept.join("\n").trim().to_owned();
        docs
    }

    /// Reads a line of the section: a new item, or more of the last one, as is a list within it.
    fn read_item(&mut self, line: &str, span: Span) {
        let indent = line.len() - line.trim_start().len();
        let last = self.items.last_mut();
        let is_within = last.as_ref().is_some_and(|last| indent >= last.indent + 2);
        if let Some((name, text)) = item(line).filter(|_| !is_within) {
            self.items.push(Item { name, text, span, indent });
        } else if let Some(last) = last.filter(|_| !line.trim().is_empty() && heading(line).is_none()) {
            last.text.push(' ');
            last.text.push_str(line.trim());
        }
    }
}

/// The text of doc comments, without the space that follows `///`.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let comments: Vec<String> = attributes.iter().filter_map(comment).collect();
    comments.join("\n").trim().to_owned()
}

/// The text of one attribute: a line of a `///` comment, or the whole of another.
fn comment(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = ungrouped(doc.value.clone()) else { return None };
    let text = doc.path.is_ident("doc").then(|| text.value())?;
    let unindented: Vec<&str> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    Some(unindented.join("\n"))
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    (title.len() < line.len() && title.starts_with(' ')).then(|| title.trim().trim_end_matches(':'))
}

/// `* `name` - text`, `- name: text` and the like.
fn item(line: &str) -> Option<(String, String)> {
    let item = line.trim_start().strip_prefix(['*', '-', '+'])?.trim_start();
    let end = item.find([' ', ':']).unwrap_or(item.len());
    let (name, text) = item.split_at(end);
    let text = text.trim_start_matches([' ', ':']);
    let text = text.strip_prefix(['-', '–', '—']).unwrap_or(text);
    Some((name.trim_matches(['`', '*', '[', ']']).to_owned(), text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn parse(text: &str) -> Docs {
        Docs::parse(text.lines().map(|line| (line, Span::call_site())))
    }

    #[test]
    fn the_arguments_section_is_taken_out_of_the_description() {
        let docs = parse(
            "Look up.\n\nMore.\n\n# Arguments\n\n* `order_id` - The id,\n  as printed.\n- note: A note.\n+ **x** \u{2014} An x.\n\n# Errors\nNone.",
        );
        assert_eq!(docs.description, "Look up.\n\nMore.\n\n# Errors\nNone.");
        assert_eq!(docs.argument("order_id"), Some("The id, as printed."));
        assert_eq!(docs.argument("note"), Some("A note."));
        assert_eq!(docs.argument("x"), Some("An x."));
        assert_eq!(docs.argument("y"), None);
    }

    #[test]
    fn a_list_within_an_item_belongs_to_it() {
        let docs =
            parse("Do.\n\n# Arguments\n* `sort` - One of:\n  - newest: the default,\n  - oldest.\n* `n` - A number.");
        assert_eq!(docs.argument("sort"), Some("One of: - newest: the default, - oldest."));
        assert_eq!(docs.argument("n"), Some("A number."));
        assert_eq!(docs.items.len(), 2);
    }

    #[test]
    fn an_item_about_no_parameter_is_a_mistake() {
        let mistakes = |text: &str| {
            let mut errors = Errors::default();
            parse(text).check(&["order_id".to_owned(), "n".to_owned()], &mut errors);
            errors.into_tokens().to_string()
        };
        assert_eq!(mistakes("# Arguments\n* `n`: A number."), "");
        assert!(mistakes("# Arguments\n* `oder_id`: The id.").contains("did you mean `order_id`?"));
        assert!(mistakes("# Arguments\n* `elsewhere`: It.").contains("the function takes order_id, n"));
    }

    #[test]
    fn doc_comments_lose_the_space_after_their_slashes_and_keep_further_ones() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " First."]),
            parse_quote!(#[inline]),
            parse_quote!(#[doc = "   indented"]),
            parse_quote!(#[doc(hidden)]),
        ];
        assert_eq!(text(&attributes), "First.\n  indented");
    }
}
