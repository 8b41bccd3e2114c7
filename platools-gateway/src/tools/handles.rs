//! [`handles`]: gives each tool a handle: a name that models and MCP clients accept, and that no other tool has.

use std::collections::{HashMap, HashSet};

use crate::domain::digest::sha256;

/// Such a name has at most so many characters.
pub(crate) const MAX_HANDLE_CHARS: usize = 64;

/// The number of characters of a hash that keep a changed name apart from others: enough that no name is found that equals
/// another tool's.
const HASH_CHARS: usize = 16;

/// A tool as it is named where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    /// The entity's slug.
    pub(crate) entity: &'a str,
    /// The tool's own name.
    pub(crate) name: &'a str,
}

/// Gives each tool a name that models take and no other has: its own, or else with its entity's, or else with a hash. Dots and the
/// like become `_`, as in `fandesk_list_bookings` for `fandesk.list_bookings`.
///
/// The names are those of the tools in their order, and the same whenever the tools are.
pub(crate) fn handles(tools: &[Named<'_>]) -> Vec<String> {
    let own = |tool: &Named<'_>| plain(tool.name);
    let of_entity = |tool: &Named<'_>| format!("{}__{}", plain(tool.entity), own(tool));
    let (owns, of_entities) = (count(tools, own), count(tools, of_entity));
    // A tool may be called what another would become.
    let hashes: HashSet<_> = tools.iter().map(|tool| hashed(&own(tool), tool)).collect();
    let handle = |tool: &Named<'_>| {
        let fits = |name: &str, names: &HashMap<String, usize>| {
            names[name] == 1 && name.len() <= MAX_HANDLE_CHARS && !hashes.contains(name)
        };
        let (own, of_entity) = (own(tool), of_entity(tool));
        let is_readable = is_readable(tool.name);
        if fits(&own, &owns) && is_readable {
            own
        } else if fits(&of_entity, &of_entities) && is_readable && !owns.contains_key(&of_entity) {
            of_entity
        } else {
            hashed(&own, tool)
        }
    };
    tools.iter().map(handle).collect()
}

fn count(tools: &[Named<'_>], name: impl Fn(&Named<'_>) -> String) -> HashMap<String, usize> {
    let mut count = HashMap::new();
    for tool in tools {
        *count.entry(name(tool)).or_default() += 1;
    }
    count
}

/// A name in the characters that models take.
fn plain(name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect()
}

/// True if a name stays readable in the characters that models take: only dots and the like become `_`.
fn is_readable(name: &str) -> bool {
    let is_kept = |character: char| character.is_ascii_alphanumeric() || "_-./: ".contains(character);
    name.chars().all(is_kept) && name.chars().any(|character| character.is_ascii_alphanumeric())
}

fn hashed(full: &str, tool: &Named<'_>) -> String {
    let room = MAX_HANDLE_CHARS - HASH_CHARS - 1;
    let hash = sha256(&format!("{}/{}", tool.entity, tool.name));
    format!("{}_{}", full.chars().take(room).collect::<String>(), &hash[..HASH_CHARS])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handles(tools: &[(&str, &str)]) -> Vec<String> {
        let named: Vec<_> = tools.iter().map(|&(entity, name)| Named { entity, name }).collect();
        super::handles(&named)
    }

    #[test]
    fn a_name_that_models_take_stays_as_it_is() {
        assert_eq!(handles(&[("a", "lookup_order"), ("b", "send-mail")]), ["lookup_order", "send-mail"]);
    }

    #[test]
    fn tools_of_one_name_are_told_apart_by_their_entities() {
        assert_eq!(
            handles(&[("a", "lookup"), ("b.c", "lookup"), ("b", "other")]),
            ["a__lookup", "b_c__lookup", "other"]
        );
    }

    #[test]
    fn dots_become_underscores_unless_two_names_become_one() {
        assert_eq!(handles(&[("a", "fandesk.list_bookings"), ("a", "b/c: d")]), ["fandesk_list_bookings", "b_c__d"]);
        assert_eq!(
            handles(&[("a", "x.y"), ("b", "x.y"), ("b", "x_y")]),
            [
                "a__x_y".to_owned(),
                hashed("x_y", &Named { entity: "b", name: "x.y" }),
                hashed("x_y", &Named { entity: "b", name: "x_y" }),
            ]
        );
    }

    #[test]
    fn names_that_models_do_not_take_become_ones_that_nobody_else_has() {
        let long = "x".repeat(100);
        let found = handles(&[
            ("a", "files.read"),
            ("a", "files/read"),
            ("b", "files.read"),
            ("a", &long),
            ("a", &format!("{long}y")),
        ]);
        for handle in &found {
            assert!(handle.len() <= MAX_HANDLE_CHARS && plain(handle) == *handle, "{handle}");
        }
        let different: std::collections::HashSet<_> = found.iter().collect();
        assert_eq!(different.len(), found.len(), "{found:?}");
        assert_eq!(
            handles(&[("a", "größe")])[0].split_at(6).0,
            "gr__e_",
            "letters that are lost leave a name that says nothing"
        );
    }

    #[test]
    fn no_tool_takes_the_name_that_another_becomes() {
        let becomes = handles(&[("b", "größe")]).remove(0);
        let found = handles(&[("a", &becomes), ("b", "größe")]);
        assert_eq!(found[1], becomes);
        assert_ne!(found[0], becomes);
    }
}
