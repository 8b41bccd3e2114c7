//! Functions that check the texts in requests of admins, such as titles, names, prompts and roles for tools: their length, their number and
//! their characters.

use crate::domain::agent_profile::Profile;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::text_rule::TextRule;

/// Bytes of a system prompt: 64 KiB.
const SYSTEM_PROMPT: TextRule = TextRule::prose("systemPrompt", 64 * 1024);

const MODEL: TextRule = TextRule::line("model", 256);

/// The most characters of a title.
const MAX_TITLE_CHARS: usize = 128;

/// The most characters of a name for people.
const MAX_NAME_CHARS: usize = 128;

/// The most characters of an owner's id.
const MAX_OWNER_CHARS: usize = 255;

const ENVIRONMENT: TextRule = TextRule::line("environment", 256);

const TOOL: TextRule = TextRule::line("tools", 512);

/// Tools that a profile may name: as many as one worker may declare.
const MAX_TOOLS: usize = 1000;

const TOOL_ROLE: TextRule = TextRule::line("toolRoles", 128);

/// Roles of a key or token. They have to fit into a token, and that into a header.
const MAX_TOOL_ROLES: usize = 64;

/// Returns a title without the spaces around it, if it fits.
pub(super) fn check_title(title: &str) -> Result<String, Error> {
    check_line("a title", title.trim(), MAX_TITLE_CHARS).map(|()| title.trim().to_owned())
}

/// Returns the id of an owner or user, if it fits. Its form is the application's business; its size has to fit into a token.
pub(super) fn check_owner(owner: &str) -> Result<String, Error> {
    check_line("an owner is a user's id: it", owner, MAX_OWNER_CHARS).map(|()| owner.to_owned())
}

/// Returns a name for people, if it fits.
pub(super) fn checked_name(name: Option<String>) -> Result<Option<String>, Error> {
    let visible = name.as_deref().map(|name| if name.trim().is_empty() { "" } else { name });
    visible.map_or(Ok(()), |name| check_line("a name", name, MAX_NAME_CHARS)).map(|()| name)
}

fn check_line(subject: &str, text: &str, max_chars: usize) -> Result<(), Error> {
    if text.is_empty() || text.chars().nth(max_chars).is_some() || text.chars().any(char::is_control) {
        let message = format!("{subject} has 1 to {max_chars} characters, and no control characters");
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    Ok(())
}

/// Refuses a profile with texts that are too long or cannot be stored.
pub(super) fn check_profile(profile: &Profile) -> Result<(), Error> {
    SYSTEM_PROMPT.check_any(profile.system_prompt.as_deref())?;
    MODEL.check_any(profile.model.as_deref())?;
    // Nothing at all means the default.
    ENVIRONMENT.check_any(profile.environment.as_deref().filter(|name| !name.is_empty()))?;
    profile.tools.as_deref().map_or(Ok(()), |tools| TOOL.check_list(tools, MAX_TOOLS))
}

/// Refuses roles that are too long or too many.
pub(super) fn check_tool_roles(roles: &[String]) -> Result<(), Error> {
    TOOL_ROLE.check_list(roles, MAX_TOOL_ROLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_no_spaces_around_it_and_no_control_characters() {
        let longest = "ü".repeat(128);
        assert_eq!(check_title("  Orders of the shop ").unwrap(), "Orders of the shop");
        assert_eq!(check_title(&longest).unwrap(), longest);
        for title in ["", "  ", "a\nb", "a\u{1b}[2Jb", &"x".repeat(129)] {
            let error = check_title(title).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{title:?}");
        }
    }

    #[test]
    fn a_profile_has_bounded_texts() {
        let good = Profile {
            system_prompt: Some("Be brief.\nBe kind.".to_owned()),
            tools: Some(vec!["lookup".to_owned(); MAX_TOOLS]),
            ..Profile::default()
        };
        check_profile(&good).unwrap();
        for (bad, part) in [
            (
                Profile { system_prompt: Some("x".repeat(64 * 1024 + 1)), ..Profile::default() },
                "`systemPrompt` has 65537 bytes",
            ),
            (Profile { system_prompt: Some("a\0".to_owned()), ..Profile::default() }, "U+0000"),
            (Profile { model: Some("m".repeat(257)), ..Profile::default() }, "`model` has 257 bytes"),
            (
                Profile { tools: Some(vec!["t".to_owned(); MAX_TOOLS + 1]), ..Profile::default() },
                "`tools` has 1001 entries",
            ),
            (Profile { tools: Some(vec!["a\nb".to_owned()]), ..Profile::default() }, "U+000A"),
        ] {
            let error = check_profile(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn tool_roles_are_bounded() {
        check_tool_roles(&vec!["support".to_owned(); MAX_TOOL_ROLES]).unwrap();
        assert!(check_tool_roles(&vec!["support".to_owned(); MAX_TOOL_ROLES + 1]).is_err());
        assert!(check_tool_roles(&["x".repeat(129)]).is_err());
    }
}
