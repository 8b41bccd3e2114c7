//! [`find`]: finds secrets with a known form, such as keys of well-known services, anywhere in a text. The expressions take linear time.

use std::ops::Range;
use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64_NOPAD};
use regex::Regex;

/// Tokens of this gateway, JSON Web Tokens, and keys of well-known services: Anthropic and `OpenAI`, Stripe, GitHub, GitLab, Slack,
/// AWS, Google, Hugging Face, npm, `PyPI`, `DigitalOcean`, `SendGrid`, Vault, Shopify.
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?x)
        plt_[a-z]+_[A-Za-z0-9_-]{4,}
        | eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*){1,3}
        | (?-u:\b)sk-[A-Za-z0-9_-]{10,}
        | (?-u:\b)(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{4,}
        | (?-u:\b)whsec_[A-Za-z0-9+/=]{8,}
        | (?-u:\b)gh[pousr]_[A-Za-z0-9]{4,}
        | github_pat_[A-Za-z0-9_]{4,}
        | glpat-[A-Za-z0-9_-]{4,}
        | (?-u:\b)xox[a-z]-[A-Za-z0-9-]{4,}
        | (?-u:\b)xapp-[A-Za-z0-9-]{8,}
        | (?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{12,}
        | (?-u:\b)AIza[A-Za-z0-9_-]{20,}
        | (?-u:\b)ya29\.[A-Za-z0-9_-]{8,}
        | (?-u:\b)hf_[A-Za-z0-9]{16,}
        | (?-u:\b)npm_[A-Za-z0-9]{16,}
        | (?-u:\b)pypi-[A-Za-z0-9_-]{16,}
        | (?-u:\b)dop_v1_[A-Za-z0-9]{16,}
        | (?-u:\b)SG\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}
        | (?-u:\b)hvs\.[A-Za-z0-9_-]{8,}
        | (?-u:\b)shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{16,}
        ",
    )
});

/// `Bearer` and `Basic` with what follows.
static SCHEMES: LazyLock<Regex> =
    LazyLock::new(|| expression(r"(?-u:\b)((?i-u:bearer|basic))[ \t]+([A-Za-z0-9._~+/=-]+)"));

/// A user and password, or a long user alone, before the host of a URL.
static USERS: LazyLock<Regex> =
    LazyLock::new(|| expression(r#"://(?:[^ \t\r\n/?\#"'<>@:\\]*:([^ \t\r\n/?\#"'<>\\]+)|([A-Za-z0-9_.~%-]{20,}))@"#));

/// A private key in PEM, to its end or that of the text.
static PRIVATE_KEYS: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    )
});

#[expect(clippy::expect_used, reason = "the expressions are constants, and every test compiles them")]
fn expression(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expression is valid")
}

/// The places of secrets in a text, in no order.
pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    // Most texts have none of these, and a plain search is faster than an expression.
    let has_user = text.contains("://");
    let has_key = text.contains("-----BEGIN");
    let has_space = text.contains([' ', '\t']);
    let tokens = TOKENS.find_iter(text).filter(|found| !is_word(found.as_str())).map(|found| found.range());
    let users = has_user.then(|| USERS.captures_iter(text)).into_iter().flatten();
    let users = users.filter_map(|found| found.get(1).or_else(|| found.get(2))).map(|found| found.range());
    let keys = has_key.then(|| PRIVATE_KEYS.find_iter(text)).into_iter().flatten().map(|found| found.range());
    let credentials = has_space.then(|| find_credentials(text)).into_iter().flatten();
    tokens.chain(users).chain(keys).chain(credentials)
}

/// Words with hyphens begin like some keys: `sk-learn-contrib`.
fn is_word(token: &str) -> bool {
    token.starts_with("sk-") && !token.bytes().any(|byte| byte.is_ascii_digit())
}

fn find_credentials(text: &str) -> impl Iterator<Item = Range<usize>> {
    SCHEMES.captures_iter(text).filter_map(move |found| {
        let (whole, scheme, value) = (found.get(0)?, found.get(1)?, found.get(2)?);
        let is_alone = is_whole_line(text, whole.range());
        let credentials = value.as_str().trim_end_matches('.');
        let is_secret = match scheme.as_str().as_bytes().get(1) {
            // Bearer
            Some(b'e' | b'E') => is_alone || looks_random(credentials),
            _ => {
                let has_digit = credentials.bytes().any(|byte| byte.is_ascii_digit());
                is_user_and_password(credentials) || credentials.ends_with('=') || (is_alone && has_digit)
            }
        };
        is_secret.then(|| value.start()..value.start() + credentials.len())
    })
}

/// True if nothing else stands on the line of a place.
fn is_whole_line(text: &str, place: Range<usize>) -> bool {
    let (before, after) =
        (text[..place.start].trim_end_matches([' ', '\t']), text[place.end..].trim_start_matches([' ', '\t']));
    (before.is_empty() || before.ends_with('\n')) && (after.is_empty() || after.starts_with(['\n', '\r']))
}

/// True if a text is no word of a sentence.
pub(super) fn looks_random(text: &str) -> bool {
    let is_unusual = |byte: u8| byte.is_ascii_digit() || b"!@#$%^&*+=_~/\\".contains(&byte);
    text.len() >= 20 || text.bytes().any(is_unusual)
}

fn is_user_and_password(text: &str) -> bool {
    let decoded = BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes()));
    decoded.is_ok_and(|decoded| decoded.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secrets that are found, in the order of the text.
    fn found(text: &str) -> Vec<&str> {
        let mut places: Vec<_> = find(text).collect();
        places.sort_by_key(|place| place.start);
        places.into_iter().map(|place| &text[place]).collect()
    }

    #[test]
    fn secrets_of_known_forms_are_found_in_the_middle_of_a_text() {
        for secret in [
            "plt_worker_0123456789abcdef",
            "plt_key_0123456789abcdef",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0.",
            "sk-proj-abcdefghij0123456789",
            "sk-ant-api03-abcdefgh",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "github_pat_11ABCDEFG0abcdefgh",
            "glpat-abcdefghij0123456789",
            "xoxb-123456789012-abcdefghij",
            "AKIAIOSFODNN7EXAMPLE",
            "AIzaSyA0123456789abcdefghijklmnopqrstuv",
            "ya29.a0AfH6SMBabcdef",
            "hf_abcdefghijklmnopqrstuv",
            "npm_abcdefghijklmnopqrstuvwxyz0123456789",
            "SG.abcdefghij.klmnopqrst",
            "hvs.CAESIabcdefgh",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        ] {
            assert_eq!(found(&format!("before {secret} after")), [secret]);
            assert_eq!(found(&format!("\"{secret}\",")), [secret]);
        }
    }

    #[test]
    fn credentials_are_found_behind_their_scheme() {
        assert_eq!(found("Bearer x"), ["x"]);
        assert_eq!(found("bearer hunter"), ["hunter"]);
        assert_eq!(found("curl -H 'Authorization: BEARER abc123'"), ["abc123"]);
        assert_eq!(found("It says Bearer abcdef1."), ["abcdef1"]);
        assert_eq!(found("Basic dXNlcjpwYXNz"), ["dXNlcjpwYXNz"]);
        assert_eq!(found("with Basic dXNlcjpwYXNzd28= it works"), ["dXNlcjpwYXNzd28="]);
        assert_eq!(found("Basic abc123"), ["abc123"]);
    }

    #[test]
    fn passwords_are_found_in_urls() {
        assert_eq!(found("postgres://app:hunter2@db:5432/app?x=1"), ["hunter2"]);
        assert_eq!(found("see redis://:hunter2@h and amqp://u:p@ss@h"), ["hunter2", "p@ss"]);
        assert_eq!(found("https://0123456789abcdefghij@github.com/a/b"), ["0123456789abcdefghij"]);
    }

    #[test]
    fn a_private_key_that_is_cut_off_is_found_to_the_end() {
        assert_eq!(found("a -----BEGIN PRIVATE KEY-----\nMIIE"), ["-----BEGIN PRIVATE KEY-----\nMIIE"]);
    }

    #[test]
    fn ordinary_text_has_no_secrets() {
        for text in [
            "the bearer of this letter",
            "Basic English for travellers",
            "Basic plan",
            "scikit sk-learn-contrib",
            "task-force-of-twenty-people",
            "https://example.com:8080/a?b=c",
            "git@github.com:a/b.git",
            "ssh://git@github.com/a",
            "mailto:a@b.c",
            "12:30 @ home",
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "eyJ is how they begin",
            "AKIA",
            "hf_space",
            "a.b.c",
            "SG.1.2",
            "",
            "plt_",
            "Standard Bearer",
            "http://[::1]:80/@x",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
