//! Descriptions from doc comments.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::keys::ungrouped;

/// A function's doc comment: what the tool does, and what it says about its arguments.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Docs {
    pub(crate) description: String,
    arguments: Vec<(String, String)>,
}

impl Docs {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        Self::parse(&text(attributes))
    }

    /// What the section `# Arguments` says about a parameter.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        let (_, text) = self.arguments.iter().find(|(documented, _)| documented == name)?;
        Some(text)
    }

    fn parse(text: &str) -> Self {
        let (mut docs, mut kept, mut in_arguments) = (Self::default(), Vec::new(), false);
        for line in text.lines() {
            if let Some(heading) = heading(line) {
                in_arguments = ["arguments", "args", "parameters"].contains(&heading.to_lowercase().as_str());
            }
            match in_arguments {
                true => docs.read_argument(line),
                false => kept.push(line),
            }
        }
        docs.description = kept.join("\n").trim().to_owned();
        docs
    }

    fn read_argument(&mut self, line: &str) {
        if let Some(argument) = item(line) {
            self.arguments.push(argument);
        } else if let (Some((_, text)), more @ 1..) = (self.arguments.last_mut(), line.trim().len())
            && heading(line).is_none()
        {
            text.reserve(more + 1);
            text.push(' ');
            text.push_str(line.trim());
        }
    }
}

/// The text of doc comments, without the space that follows `///`.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.join("\n").trim().to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
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
    Some((name.trim_matches(['`', '*']).to_owned(), text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn the_arguments_section_is_taken_out_of_the_description() {
        let docs = Docs::parse(
            "Look up.\n\nMore.\n\n# Arguments\n\n* `order_id` - The id,\n  as printed.\n- note: A note.\n+ **x** \u{2014} An x.\n\n# Errors\nNone.",
        );
        assert_eq!(docs.description, "Look up.\n\nMore.\n\n# Errors\nNone.");
        assert_eq!(docs.argument("order_id"), Some("The id, as printed."));
        assert_eq!(docs.argument("note"), Some("A note."));
        assert_eq!(docs.argument("x"), Some("An x."));
        assert_eq!(docs.argument("y"), None);
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
