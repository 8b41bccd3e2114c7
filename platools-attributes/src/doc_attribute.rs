//! [`DocAttribute`]: holds one line or block of a doc comment; the compiler makes an attribute `#[doc]` of each. [`join`] makes one
//! Markdown text of all attributes of a comment.

/// An attribute of a doc comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocAttribute<'a> {
    /// `/// text`, after the slashes.
    Line(&'a str),
    /// `/** text */`, between the stars that open and close it.
    Block(&'a str),
    /// `#[doc = text]`.
    Text(&'a str),
}

impl<'a> DocAttribute<'a> {
    fn lines(self) -> Vec<&'a str> {
        match self {
            Self::Block(text) => without_stars(text),
            // `split`, so that an empty line stays one.
            Self::Line(text) | Self::Text(text) => {
                text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect()
            }
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// Joins the attributes of a doc comment, without the indentation that all their lines share.
///
/// As in rustdoc, `#[doc = text]` beside comments counts as indented by the space that follows `///`.
pub(crate) fn join(fragments: &[DocAttribute<'_>]) -> String {
    let is_mixed = fragments.windows(2).any(|pair| pair[0].is_text() != pair[1].is_text());
    let virtual_indent = |fragment: DocAttribute<'_>| usize::from(is_mixed && fragment.is_text());
    let lines: Vec<(&str, usize)> = fragments
        .iter()
        .flat_map(|fragment| fragment.lines().into_iter().map(|line| (line, virtual_indent(*fragment))))
        .collect();
    let written = lines.iter().filter(|(line, _)| !line.trim().is_empty());
    let shared = written.map(|(line, extra)| indentation(line) + extra).min().unwrap_or_default();
    let unindented = lines.iter().map(|(line, extra)| match line.trim().is_empty() {
        true => "",
        false => &line[shared.saturating_sub(*extra)..],
    });
    unindented.collect::<Vec<_>>().join("\n")
}

fn indentation(line: &str) -> usize {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The lines of a block comment, without a column of stars in front of all but the first.
fn without_stars(text: &str) -> Vec<&str> {
    // A line of stars only is a frame.
    let is_frame = |line: &str| line.len() > 1 && line.bytes().all(|byte| byte == b'*');
    let mut lines: Vec<&str> = text.lines().map(|line| if is_frame(line.trim()) { "" } else { line }).collect();
    let following = lines.get(1..).unwrap_or_default();
    let mut written = following.iter().filter(|line| !line.trim().is_empty()).peekable();
    if written.peek().is_some() && written.all(|line| line.trim_start().starts_with('*')) {
        for line in lines.iter_mut().skip(1) {
            *line = line.trim_start().strip_prefix('*').unwrap_or_default();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> String {
        join(&[DocAttribute::Block(text)])
    }

    #[test]
    fn lines_lose_the_indentation_that_they_share() {
        let lines = [DocAttribute::Line(" First."), DocAttribute::Line(""), DocAttribute::Line("   Indented.")];
        assert_eq!(join(&lines), "First.\n\n  Indented.");
        assert_eq!(join(&[DocAttribute::Line("   a"), DocAttribute::Line("  b")]), " a\nb");
        assert_eq!(join(&[DocAttribute::Line("a"), DocAttribute::Line(" b")]), "a\n b");
        assert_eq!(join(&[]), "");
    }

    #[test]
    fn text_of_attributes_has_no_space_to_lose() {
        let mixed = [DocAttribute::Line(" One."), DocAttribute::Text("Two.\n  Three."), DocAttribute::Line(" Four.")];
        assert_eq!(join(&mixed), "One.\nTwo.\n  Three.\nFour.");
        assert_eq!(join(&[DocAttribute::Text("  Two.\r\n    Three.")]), "Two.\n  Three.");
    }

    #[test]
    fn block_comments_lose_their_stars() {
        let framed = "\n     * Look up.\n     *\n     * # Arguments\n     * * `a` - the a\n     ";
        assert_eq!(block(framed), "\nLook up.\n\n# Arguments\n* `a` - the a\n");
        assert_eq!(block(" One.\n  * Two.\n"), "One.\nTwo.");
        assert_eq!(block("\n *One.\n\n *  Two.\n"), "\nOne.\n\n  Two.");
        assert_eq!(block("**********\n * One.\n **********"), "\nOne.\n");
        assert_eq!(block(" One line. "), "One line. ");
    }

    #[test]
    fn block_comments_without_stars_keep_their_lists() {
        assert_eq!(block("\n    Look up.\n\n    * One.\n      More.\n"), "\nLook up.\n\n* One.\n  More.");
    }
}
