//! [`Docs`]: reads the doc comment of a tool's function. It returns the description of the tool and the descriptions of the arguments.

use crate::doc_attribute::{DocAttribute, join};
use crate::markdown::{for_models, headings};
use crate::suggestion::closest;

/// The doc comment of a function: the description of the tool, and the descriptions of arguments in a section `# Arguments`.
///
/// Sections for readers of the code (`# Errors`, `# Examples`, `# Panics`, `# Safety`) are left out, with their subsections. Other sections
/// belong to the description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docs {
    description: String,
    items: Vec<Item>,
}

/// An item of the section `# Arguments`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    name: String,
    text: String,
    indent: usize,
}

/// The part that a section has in a doc comment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Described,
    Arguments,
    LeftOut,
}

impl Docs {
    /// Reads a doc comment.
    #[must_use]
    pub fn read(fragments: &[DocAttribute<'_>]) -> Self {
        let text = for_models(&join(fragments));
        let (mut docs, mut description) = (Self::default(), String::new());
        for (section, part) in sections(&text) {
            match section {
                Section::Described => description.push_str(part),
                Section::Arguments => part.lines().for_each(|line| docs.read_line(line)),
                Section::LeftOut => {}
            }
        }
        docs.description = trimmed(&description);
        docs
    }

    /// The description of the tool; empty if there is none.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The description of a parameter in the section `# Arguments`.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|item| item.name == name).map(|item| item.text.as_str())
    }

    /// The items of the section `# Arguments` about none of these parameters: their names, and what is wrong with them.
    pub fn about_nothing<'a>(&'a self, parameters: &'a [&'a str]) -> impl Iterator<Item = (&'a str, String)> {
        self.items.iter().filter(move |item| !parameters.contains(&item.name.as_str())).map(
            move |Item { name, .. }| {
                let hint = match (closest(name, parameters), parameters) {
                    (Some(meant), _) => format!("did you mean `{meant}`?"),
                    (None, []) => "the function takes none".to_owned(),
                    (None, all) => format!("the function takes {}", all.join(", ")),
                };
                (name.as_str(), format!("there is no parameter `{name}` to describe; {hint}"))
            },
        )
    }

    /// Returns true if a line of a doc comment, as it was written, begins an item about a parameter.
    #[must_use]
    pub fn begins_item(line: &str, name: &str) -> bool {
        let after_star = line.trim_start().strip_prefix('*');
        let names = |line: &str| item(&for_models(line.trim())).is_some_and(|(written, _)| written == name);
        names(line) || after_star.is_some_and(names)
    }

    /// Reads a line of the section: a new item, or more of the last one, as is a list within it.
    fn read_line(&mut self, line: &str) {
        let indent = line.len() - line.trim_start().len();
        let last = self.items.last_mut();
        let is_within = last.as_ref().is_some_and(|last| indent >= last.indent + 2);
        if let Some((name, text)) = item(line).filter(|_| !is_within) {
            self.items.push(Item { name, text, indent });
        } else if let Some(last) = last.filter(|_| !line.trim().is_empty() && !line.starts_with('#')) {
            last.text.push(' ');
            last.text.push_str(line.trim());
        }
    }
}

/// The description of a parameter, from its own doc comment.
#[must_use]
pub fn described(fragments: &[DocAttribute<'_>]) -> String {
    trimmed(&for_models(&join(fragments)))
}

/// The parts of a document, each up to the next heading that is not below its own.
fn sections(text: &str) -> Vec<(Section, &str)> {
    let mut starts = vec![(Section::Described, 0)];
    let mut special = None;
    for heading in headings(text) {
        // Subsections belong to the section.
        if special.is_some_and(|level| heading.level > level) {
            continue;
        }
        let section = section(&heading.title);
        special = (section != Section::Described).then_some(heading.level);
        starts.push((section, heading.start));
    }
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    starts.iter().zip(ends).map(|((section, start), end)| (*section, &text[*start..end])).collect()
}

fn section(title: &str) -> Section {
    match title.trim().trim_end_matches(':').to_lowercase().as_str() {
        "arguments" | "args" | "parameters" => Section::Arguments,
        "errors" | "example" | "examples" | "panics" | "safety" => Section::LeftOut,
        _ => Section::Described,
    }
}

/// The text without space around it, and with one empty line at most between two others.
fn trimmed(text: &str) -> String {
    let mut lines: Vec<&str> = text.trim().lines().collect();
    let blank = |line: &&str| line.trim().is_empty();
    lines.dedup_by(|next, last| blank(next) && blank(last));
    lines.join("\n")
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
    use super::*;

    fn read(text: &str) -> Docs {
        Docs::read(&[DocAttribute::Text(text)])
    }

    #[test]
    fn the_arguments_section_is_taken_out_of_the_description() {
        let docs = read(
            "Look up.\n\nMore.\n\n# Arguments\n\n* `order_id` - The id,\n  as printed.\n- note: A note.\n+ **x** \u{2014} An x.\n\n# Notes\nNone.",
        );
        assert_eq!(docs.description(), "Look up.\n\nMore.\n\n# Notes\nNone.");
        assert_eq!(docs.argument("order_id"), Some("The id, as printed."));
        assert_eq!(docs.argument("note"), Some("A note."));
        assert_eq!(docs.argument("x"), Some("An x."));
        assert_eq!(docs.argument("y"), None);
    }

    #[test]
    fn sections_for_readers_of_the_code_are_left_out_with_their_subsections() {
        for title in ["# Errors", "# Examples", "## Example:", "# Panics", "# Safety", "Errors\n------"] {
            let docs = read(&format!("Do.\n\n{title}\n\nSome.\n\n### Deeper\n\nMore.\n\n# Notes\n\nKept."));
            assert_eq!(docs.description(), "Do.\n\n# Notes\n\nKept.", "{title}");
        }
        assert_eq!(read("# Examples\n```\n# Arguments\n```\n## Second\nText.").description(), "");
        let returns = "Do.\n\n# Returns\nOne.\n\n## Errors handled\nTwo.";
        assert_eq!(read(returns).description(), returns);
    }

    #[test]
    fn a_heading_in_code_is_none() {
        let docs = read("Do.\n\n```sh\n# Arguments\n* x - y\n```\n");
        assert_eq!(docs.description(), "Do.\n\n```sh\n# Arguments\n* x - y\n```");
        assert_eq!(docs.argument("x"), None);
    }

    #[test]
    fn a_list_within_an_item_belongs_to_it() {
        let docs =
            read("Do.\n\n# Arguments\n* `sort` - One of:\n  - newest: the default,\n  - oldest.\n* `n` - A number.");
        assert_eq!(docs.argument("sort"), Some("One of: - newest: the default, - oldest."));
        assert_eq!(docs.argument("n"), Some("A number."));
        assert_eq!(docs.items.len(), 2);
    }

    #[test]
    fn links_in_items_are_words() {
        let docs = read("Do.\n\n# Arguments\n* [`order`](crate::Order) - An [`Order`].");
        assert_eq!(docs.argument("order"), Some("An `Order`."));
    }

    #[test]
    fn an_item_about_no_parameter_is_a_mistake() {
        let mistakes = |text: &str| -> Vec<String> {
            read(text).about_nothing(&["order_id", "n"]).map(|(_, mistake)| mistake).collect()
        };
        assert!(mistakes("# Arguments\n* `n`: A number.").is_empty());
        assert!(mistakes("# Arguments\n* `oder_id`: The id.")[0].contains("did you mean `order_id`?"));
        assert!(mistakes("# Arguments\n* `elsewhere`: It.")[0].contains("the function takes order_id, n"));
    }

    #[test]
    fn the_line_of_an_item_is_found() {
        for line in [" * `order` - It.", " * * order: It.", "- [`order`](Order) It."] {
            assert!(Docs::begins_item(line, "order"), "{line}");
        }
        assert!(!Docs::begins_item("* `other` - order", "order"));
    }

    #[test]
    fn comments_of_parameters_keep_all_sections() {
        let fragments =
            [DocAttribute::Line(" The [`Order`]."), DocAttribute::Line(""), DocAttribute::Line(" # Errors")];
        assert_eq!(described(&fragments), "The `Order`.\n\n# Errors");
    }
}
