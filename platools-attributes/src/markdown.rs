//! [`for_models`]: rewrites a doc comment for the models that read a tool's description. Links to code become plain words, and lines that
//! rustdoc hides are left out.
//!
//! The rest of the text stays as its author wrote it.

use std::ops::Range;

use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

/// A heading of the document itself, and not of a quotation or a list within it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) level: HeadingLevel,
    pub(crate) title: String,
    pub(crate) start: usize,
}

/// The headings of a document, in order.
pub(crate) fn headings(markdown: &str) -> Vec<Heading> {
    let (mut headings, mut depth, mut open) = (Vec::new(), 0_usize, None);
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                open = Some(Heading { level, title: String::new(), start: range.start });
            }
            Event::End(TagEnd::Heading(_)) if depth == 0 => headings.extend(open.take()),
            Event::Start(Tag::BlockQuote(_) | Tag::List(_) | Tag::FootnoteDefinition(_)) => depth += 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::FootnoteDefinition) => depth -= 1,
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut open {
                    heading.title.push_str(&text);
                }
            }
            _ => {}
        }
    }
    headings
}

/// The text as a model reads it: without links to code, definitions of links, and hidden lines of examples.
pub(crate) fn for_models(markdown: &str) -> String {
    let mut edits = Edits { markdown, replaced: Vec::new(), links: Vec::new(), in_rust: false };
    let parser = Parser::new_with_broken_link_callback(markdown, options(), Some(names_code));
    let definitions: Vec<_> =
        parser.reference_definitions().iter().map(|(_, definition)| definition.span.clone()).collect();
    for (event, range) in parser.into_offset_iter() {
        edits.read(event, range);
    }
    edits.replaced.extend(definitions.into_iter().map(|span| (whole_line(markdown, span), String::new())));
    edits.apply()
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// The changes of a text.
struct Edits<'a> {
    markdown: &'a str,
    replaced: Vec<(Range<usize>, String)>,
    /// The links and images around the place that is read.
    links: Vec<Link<'a>>,
    in_rust: bool,
}

struct Link<'a> {
    kind: LinkType,
    target: CowStr<'a>,
    is_image: bool,
    label: Option<Range<usize>>,
}

impl<'a> Edits<'a> {
    fn read(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => self.in_rust = is_rust(&kind),
            Event::End(TagEnd::CodeBlock) => self.in_rust = false,
            Event::Text(_) if self.in_rust => self.hide_lines(range),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => self.open(link_type, dest_url, false),
            Event::Start(Tag::Image { link_type, dest_url, .. }) => self.open(link_type, dest_url, true),
            Event::End(TagEnd::Link | TagEnd::Image) => self.close(range),
            _ => self.widen(range),
        }
    }

    fn open(&mut self, kind: LinkType, target: CowStr<'a>, is_image: bool) {
        self.links.push(Link { kind, target, is_image, label: None });
    }

    fn widen(&mut self, range: Range<usize>) {
        if let Some(link) = self.links.last_mut() {
            let label = link.label.get_or_insert(range.clone());
            *label = label.start.min(range.start)..label.end.max(range.end);
        }
    }

    fn close(&mut self, range: Range<usize>) {
        let Some(link) = self.links.pop() else { return };
        if self.links.is_empty() {
            self.replaced.extend(link.plain(self.markdown).map(|plain| (range, plain)));
        } else {
            self.widen(range);
        }
    }

    /// Takes out the lines that rustdoc hides: `# let x = 1;`. Two `#` stand for one that is shown.
    fn hide_lines(&mut self, range: Range<usize>) {
        let mut start = range.start;
        for line in self.markdown[range].split_inclusive('\n') {
            let code = line.trim();
            if code == "#" || code.starts_with("# ") {
                self.replaced.push((start..start + line.len(), String::new()));
            } else if code.starts_with("##") {
                let hash = start + line.len() - line.trim_start().len();
                self.replaced.push((hash..hash + 1, String::new()));
            }
            start += line.len();
        }
    }

    fn apply(mut self) -> String {
        self.replaced.sort_by_key(|(range, _)| range.start);
        let (mut text, mut end) = (String::with_capacity(self.markdown.len()), 0);
        for (range, replacement) in self.replaced {
            // A definition of a link inside of another change is gone with it.
            if let Some(before) = self.markdown.get(end..range.start) {
                text.push_str(before);
                text.push_str(&replacement);
                end = range.end;
            }
        }
        text.push_str(&self.markdown[end..]);
        text
    }
}

impl Link<'_> {
    /// The text in place of the link; `None` if the link stays as it is.
    fn plain(&self, markdown: &str) -> Option<String> {
        let label = self.label.clone().map_or("", |label| &markdown[label]);
        let is_address = self.target.contains("://") || self.target.starts_with("mailto:");
        match self.kind {
            LinkType::Autolink | LinkType::Email => None,
            LinkType::Inline if is_address => None,
            _ if is_address => Some(format!("{}[{label}]({})", if self.is_image { "!" } else { "" }, self.target)),
            LinkType::ShortcutUnknown | LinkType::CollapsedUnknown | LinkType::Shortcut | LinkType::Collapsed => {
                Some(without_kind(label))
            }
            _ => Some(label.to_owned()),
        }
    }
}

/// Makes a link of a `[text]` without a definition, if it names an item of Rust. Any other text in brackets stays as it is.
fn names_code(link: BrokenLink<'_>) -> Option<(CowStr<'_>, CowStr<'_>)> {
    let written = link.reference.trim();
    let path = written.trim_matches('`');
    let is_quoted = path.len() < written.len();
    let (kind, name) = path.split_once('@').map_or((None, path), |(kind, name)| (Some(kind), name));
    let name = name.split('<').next().unwrap_or_default();
    let bare = ["()", "!()", "![]", "!{}", "!"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let is_path = bare.split("::").all(is_ident) && kind.is_none_or(is_ident);
    let is_telling = is_quoted || kind.is_some() || bare.len() < name.len() || bare.contains("::") || is_type(bare);
    // `[text][Item]` is a link whatever its text.
    let has_text = link.link_type == LinkType::Reference;
    (is_path && (is_telling || has_text)).then(|| (written.to_owned().into(), "".into()))
}

fn is_ident(word: &str) -> bool {
    let starts_well = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts_well && word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Returns true if a word is written as names of types are: `Order`, and not `optional` or `TODO`.
fn is_type(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
}

/// The label without what tells rustdoc which of several items is meant: `fn@find` is `find`.
fn without_kind(label: &str) -> String {
    match label.split_once('@') {
        Some((kind, name)) if kind.trim_start_matches('`').chars().all(|c| c.is_ascii_lowercase()) => {
            let quote = if kind.starts_with('`') { "`" } else { "" };
            format!("{quote}{name}")
        }
        _ => label.to_owned(),
    }
}

/// Returns true if rustdoc takes a code block for Rust, and so hides lines in it.
fn is_rust(kind: &CodeBlockKind<'_>) -> bool {
    let CodeBlockKind::Fenced(info) = kind else { return true };
    let mut words = info.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    words.all(|word| {
        let known = ["rust", "ignore", "should_panic", "no_run", "compile_fail", "test_harness", "standalone_crate"];
        known.contains(&word) || word.starts_with("ignore-") || word.starts_with("edition") || is_error_code(word)
    })
}

fn is_error_code(word: &str) -> bool {
    word.strip_prefix('E').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A range with the line break after it.
fn whole_line(text: &str, range: Range<usize>) -> Range<usize> {
    let ends_line = text[range.end..].starts_with('\n');
    range.start..range.end + usize::from(ends_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_code_become_words() {
        for (written, plain) in [
            ("Like [`Order`](crate::Order).", "Like `Order`."),
            ("Like [an order](crate::Order) or [this](#notes).", "Like an order or this."),
            ("Like [`Order`] and [Order::id], [Order], [`find()`].", "Like `Order` and Order::id, Order, `find()`."),
            ("Like [fn@find], [`struct@Order`], [vec!], [`Vec<u8>`].", "Like find, `Order`, vec!, `Vec<u8>`."),
            ("Like [orders][Order] and [orders][].", "Like orders and [orders][]."),
            ("Like [orders][o].\n\n[o]: crate::Order\n", "Like orders.\n\n"),
            ("Like [![icon](a.png) it](crate::Order).", "Like ![icon](a.png) it."),
            ("An ![icon](icon.png).", "An icon."),
        ] {
            assert_eq!(for_models(written), plain, "{written}");
        }
    }

    #[test]
    fn addresses_and_other_brackets_stay() {
        for text in [
            "See [the guide](https://example.com/guide) or <https://example.com>.",
            "[optional], [1], [x], [a, b], [TODO], order[0], `[Order]`, \\[Order\\], [^1].",
            "- [x] done\n- [ ] open",
            "```text\n# not hidden [`Order`]\n```",
            "| a | b |\n|---|---|\n| 1 | 2 |",
        ] {
            assert_eq!(for_models(text), text);
        }
        let (defined, inline) =
            ("The [guide] of [it][guide].\n\n[guide]: https://example.com/a\nMore.", "[guide](https://example.com/a)");
        let expected = format!("The {inline} of [it](https://example.com/a).\n\nMore.");
        assert_eq!(for_models(defined), expected);
    }

    #[test]
    fn hidden_lines_of_examples_are_left_out() {
        let example = "Do.\n\n```\n# use a::b;\n#\n#[derive(A)]\n## shown\n    # let x = 1;\nlet y = 2;\n```\n\n```rust,no_run\n# a\nb\n```";
        let shown = "Do.\n\n```\n#[derive(A)]\n# shown\nlet y = 2;\n```\n\n```rust,no_run\nb\n```";
        assert_eq!(for_models(example), shown);
        for other in ["```python\n# comment\n```", "```sh\n# comment\n```", "~~~toml\n# comment\n~~~"] {
            assert_eq!(for_models(other), other);
        }
    }

    #[test]
    fn headings_are_those_of_the_document() {
        let text = "Do.\n\n# One\n```\n# not one\n```\n> # quoted\n\n- # listed\n\nTwo `x`\n---\n### Three";
        let titles: Vec<_> = headings(text).into_iter().map(|heading| (heading.level, heading.title)).collect();
        let expected = [(HeadingLevel::H1, "One"), (HeadingLevel::H2, "Two x"), (HeadingLevel::H3, "Three")];
        assert_eq!(titles, expected.map(|(level, title)| (level, title.to_owned())));
    }

    #[test]
    fn any_text_is_read() {
        for text in [
            "",
            "[",
            "[`",
            "[]()",
            "[a](",
            "```",
            "# ",
            "\u{feff}[`é`]",
            "[`a`][`b`]",
            "[a@b@c]",
            "[@]",
            "[x]: ",
            "\r\n[x]: y\r\n",
        ] {
            let _ = (for_models(text), headings(text));
        }
    }
}
