//! [`check_address`]: checks the address of an agent, such as that of its wallet.

use crate::domain::error::{Error, ErrorKind};
use crate::domain::slug::looks_like_id;

/// Characters of an address. Wallets have 42, names of naming services and DIDs up to about 100.
const MAX_ADDRESS_CHARS: usize = 128;

/// An address as it is kept: plain characters, which are safe in a log line and in a terminal.
pub(crate) fn check_address(address: &str) -> Result<String, Error> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._:@+/~#".contains(character);
    let starts_well = address.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && !looks_like_id(address) && address.len() <= MAX_ADDRESS_CHARS && address.chars().all(is_plain) {
        return Ok(address.to_owned());
    }
    let rule = "an address has 1 to 128 letters, digits and characters of `-._:@+/~#`, the first a letter or digit, and is \
                not like an id";
    Err(Error::new(ErrorKind::InvalidRequest, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_text_and_not_like_an_id() {
        let longest = "x".repeat(128);
        for address in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
            "did:key:z6MkhaXg/path#key-1",
            "scout.agents.eth",
            "scout+test@example.com",
            "7",
            &longest,
        ] {
            assert_eq!(check_address(address).unwrap(), address);
        }
        for address in [
            "",
            " 0x1",
            "0x 1",
            "-x",
            "@x",
            "ü",
            "a\nb",
            "a\u{1b}[2J",
            "a?b",
            "a%20",
            "<b>",
            "agt_1",
            "agent_00112233445566778899aabbccddeeff",
            &"x".repeat(129),
        ] {
            let error = check_address(address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{address:?}");
            assert!(error.to_string().contains("1 to 128"), "{error}");
        }
    }
}
