//! [`EntityDisplay`]: the title and icon of an entity, and their checks.

use std::net::Ipv6Addr;

use data_encoding::BASE64;

use crate::domain::error::{Error, ErrorKind};

/// A title has at most so many characters.
const MAX_TITLE_CHARS: usize = 128;

/// An icon's URL has at most so many bytes.
const MAX_URL_BYTES: usize = 2048;

/// An icon that is an image itself has at most so many bytes, written as a URI.
const MAX_DATA_BYTES: usize = 32 * 1024;

/// The kinds of images that clients show. The first two are shown by every client that shows icons, the others by many.
const MEDIA_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/svg+xml", "image/webp"];

/// The display data of an entity, as far as it was set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityDisplay {
    /// The name for people.
    pub title: Option<String>,
    /// Its image.
    pub icon: Option<Icon>,
}

/// An image of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Icon {
    /// An `https:` URL, or a `data:` URI with the image itself.
    pub src: String,
    /// The media type of the image. For an icon behind a URL, the server of that URL tells it.
    pub media_type: Option<String>,
}

impl From<String> for Icon {
    fn from(src: String) -> Self {
        Self { media_type: data_of(&src).map(|(media_type, _)| media_type.to_owned()), src }
    }
}

/// A title as it is kept: without the spaces around it.
pub(crate) fn check_title(title: &str) -> Result<String, Error> {
    let title = title.trim();
    if title.is_empty() || title.chars().nth(MAX_TITLE_CHARS).is_some() || title.chars().any(char::is_control) {
        return Err(refused("a title has 1 to 128 characters, and no control characters"));
    }
    Ok(title.to_owned())
}

/// An icon as it is kept. Clients must not follow other schemes. What is refused is not repeated: it may have a secret in it.
pub(crate) fn check_icon(icon: &str) -> Result<String, Error> {
    if let Some(rest) = icon.strip_prefix("https://") {
        check_url(icon, rest)?;
    } else if let Some((_, data)) = data_of(icon) {
        check_data(icon, data)?;
    } else {
        return Err(refused(
            "an icon is a URL that begins with `https://`, or the image itself as `data:image/png;base64,…`; image/jpeg, \
             image/svg+xml and image/webp are taken as well",
        ));
    }
    Ok(icon.to_owned())
}

fn check_url(url: &str, rest: &str) -> Result<(), Error> {
    if url.len() > MAX_URL_BYTES {
        return Err(refused("an icon's URL has at most 2,048 bytes"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(refused("an icon's URL has no user and no password in it: every client is shown it"));
    }
    // RFC 3986: everything else is written with `%`.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if !url.bytes().all(allowed) || !has_whole_escapes(url) || !has_host(authority) {
        return Err(refused(
            "an icon's URL has a host after `https://`, and what is no character of URLs is written with `%`",
        ));
    }
    Ok(())
}

fn has_host(authority: &str) -> bool {
    // The colons of an address in brackets are not before a port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let is_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty() && !host.contains(['[', ']', '%']),
    };
    is_host && (port.is_empty() || port.parse::<u16>().is_ok())
}

/// True if each `%` is followed by two hexadecimal digits.
fn has_whole_escapes(url: &str) -> bool {
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    url.split('%').skip(1).all(|rest| {
        let mut bytes = rest.bytes();
        is_hex(bytes.next()) && is_hex(bytes.next())
    })
}

fn check_data(uri: &str, data: &str) -> Result<(), Error> {
    if uri.len() > MAX_DATA_BYTES {
        return Err(refused("an icon has at most 32 KiB as a `data:` URI, which an image of 24,000 bytes fits into"));
    }
    if BASE64.decode(data.as_bytes()).is_ok_and(|image| !image.is_empty()) {
        return Ok(());
    }
    Err(refused("what comes after `;base64,` in the icon is not base64"))
}

/// The media type and the base64 of a `data:` URI of an image.
fn data_of(uri: &str) -> Option<(&str, &str)> {
    let (media_type, data) = uri.strip_prefix("data:")?.split_once(";base64,")?;
    MEDIA_TYPES.contains(&media_type).then_some((media_type, data))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `data:` URI of so many bytes.
    fn data_uri(bytes: usize) -> String {
        let begin = "data:image/webp;base64,";
        format!("{begin}{}", "A".repeat(bytes - begin.len()))
    }

    fn refusal(icon: &str) -> String {
        let error = check_icon(icon).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{icon}");
        error.to_string()
    }

    #[test]
    fn a_title_is_kept_without_the_spaces_around_it() {
        assert_eq!(check_title(" Bestellungen – 注文 ").unwrap(), "Bestellungen – 注文");
        let longest = "ü".repeat(128);
        assert_eq!(check_title(&longest).unwrap(), longest);
        for title in ["", "  ", "a\nb", "a\u{1b}[2Jb", &"x".repeat(129)] {
            let error = check_title(title).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{title:?}");
        }
    }

    #[test]
    fn an_icon_is_behind_https_or_the_image_itself() {
        for (icon, media_type) in [
            ("https://cdn.example.com/orders.png?v=2#small", None),
            ("https://cdn.example.com", None),
            ("https://[2001:db8::1]:8443/a@2x.png", None),
            ("data:image/png;base64,iVBORw0KGgo=", Some("image/png")),
            ("data:image/jpeg;base64,/9j/", Some("image/jpeg")),
            ("data:image/svg+xml;base64,PHN2Zy8+", Some("image/svg+xml")),
            (&data_uri(32 * 1024 - 1), Some("image/webp")),
        ] {
            let kept = Icon::from(check_icon(icon).unwrap());
            assert_eq!((&*kept.src, kept.media_type.as_deref()), (icon, media_type));
        }
    }

    #[test]
    fn what_a_client_must_not_follow_is_no_icon() {
        for icon in [
            "http://cdn.example.com/a.png",
            "//cdn.example.com/a.png",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://example.com/a.png",
            "data:text/html;base64,PHA+",
            "data:image/png,iVBORw0KGgo=",
            "data:image/svg+xml;charset=utf-8;base64,PHN2Zy8+",
            "a.png",
            "",
        ] {
            assert!(refusal(icon).contains("begins with `https://`"), "{icon}");
        }
    }

    #[test]
    fn a_broken_icon_is_told_what_is_wrong_with_it() {
        for icon in [
            "https://",
            "https:///a.png",
            "https://:443/",
            "https://a.example:x/",
            "https://a.example:99999/",
            "https://[::1/a.png",
            "https://[",
            "https://[x]/",
            "https://a.example/50%",
            "https://a.example/%zz",
            "https://a.example/ü",
            "https://a b/",
        ] {
            assert!(refusal(icon).contains("has a host"), "{icon}");
        }
        for icon in ["data:image/png;base64,", "data:image/png;base64,iVBORw0KGgo", "data:image/png;base64,a b="] {
            assert!(refusal(icon).contains("not base64"), "{icon}");
        }
    }

    #[test]
    fn an_icon_has_a_size_that_every_client_can_be_shown() {
        let url = format!("https://a.example/{}", "x".repeat(2048 - 18));
        check_icon(&url).unwrap();
        assert!(refusal(&format!("{url}x")).contains("2,048 bytes"));
        check_icon(&data_uri(32 * 1024 - 1)).unwrap();
        assert!(refusal(&data_uri(32 * 1024 + 1)).contains("32 KiB"));
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        for icon in ["https://user:hush@a.example/a.png", "https://hush@a.example", "https://hush:@a.example?x"] {
            let refusal = refusal(icon);
            assert!(refusal.contains("no password") && !refusal.contains("hush"), "{refusal}");
        }
    }
}
