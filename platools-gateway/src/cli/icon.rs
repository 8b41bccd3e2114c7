//! Icons, as URLs or as files.

use std::path::Path;

use anyhow::Context as _;
use data_encoding::BASE64;

/// The icon that was given: a URI as it is, a file as the `data:` URI of the image in it.
pub(super) fn given(icon: Option<String>) -> anyhow::Result<Option<String>> {
    icon.map(|icon| if icon.is_empty() || is_uri(&icon) { Ok(icon) } else { read(Path::new(&icon)) }).transpose()
}

/// True if a text begins with a scheme. A single letter is a drive of Windows.
fn is_uri(text: &str) -> bool {
    let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    text.split_once(':').is_some_and(|(scheme, _)| scheme.len() > 1 && is_scheme(scheme))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let media_type = media_type(file).with_context(|| {
        format!("{} is no icon: name a URL, or a file that ends in .png, .jpg, .jpeg, .svg or .webp", file.display())
    })?;
    let image = std::fs::read(file).with_context(|| format!("the icon cannot be read from {}", file.display()))?;
    Ok(format!("data:{media_type};base64,{}", BASE64.encode(&image)))
}

fn media_type(file: &Path) -> Option<&'static str> {
    Some(match &*file.extension()?.to_str()?.to_ascii_lowercase() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_as_it_was(icon: &str) -> bool {
        given(Some(icon.to_owned())).is_ok_and(|given| given.as_deref() == Some(icon))
    }

    #[test]
    fn what_has_a_scheme_is_no_file_and_left_to_be_checked() {
        for icon in
            ["", "https://a.example/a.png", "data:image/png;base64,AA==", "javascript:alert(1)", "file:///a.png"]
        {
            assert!(is_as_it_was(icon), "{icon}");
        }
        assert_eq!(given(None).unwrap(), None);
    }

    #[test]
    fn an_image_in_a_file_becomes_a_uri() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str| given(Some(folder.path().join(name).to_str().unwrap().to_owned()));
        std::fs::write(folder.path().join("a.SVG"), "<svg/>").unwrap();
        assert_eq!(said("a.SVG").unwrap().unwrap(), "data:image/svg+xml;base64,PHN2Zy8+");
        for (name, says) in
            [("b.png", "cannot be read from"), ("a.gif", ".png, .jpg, .jpeg"), ("a", ".png, .jpg, .jpeg")]
        {
            let refused = said(name).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
