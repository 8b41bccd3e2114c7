//! [`ConsoleFile`]: a file of the console's build, which is part of the program, with the headers that it is served with.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use axum::http::HeaderValue;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::Embed;

/// The build of the console. A build of the program without optimization reads the files from the sources as it runs.
#[derive(Embed)]
#[folder = "console/dist"]
struct ConsoleBuild;

/// A file of the console.
pub(super) struct ConsoleFile {
    pub(super) content_type: HeaderValue,
    /// The hash of the content, as an `ETag`.
    pub(super) etag: HeaderValue,
    pub(super) cache_control: HeaderValue,
    content: Bytes,
    gzipped: OnceLock<Option<Bytes>>,
}

/// The page, which every path of the console has that is no file.
pub(super) const PAGE: &str = "index.html";

/// The folder of the files whose names have a hash of their content.
const HASHED: &str = "assets/";

/// Files that are smaller are not compressed.
const MIN_GZIP_BYTES: usize = 512;

static FILES: LazyLock<HashMap<String, ConsoleFile>> = LazyLock::new(|| {
    let files = ConsoleBuild::iter().filter_map(|path| Some((path.to_string(), ConsoleFile::read(&path)?)));
    files.collect()
});

impl ConsoleFile {
    /// The file at a path below `/console/`.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        FILES.get(path)
    }

    /// The content, and whether it is compressed.
    pub(super) fn content(&self, takes_gzip: bool) -> (Bytes, bool) {
        let gzipped = takes_gzip.then(|| self.gzipped.get_or_init(|| gzip(&self.content)).clone()).flatten();
        let is_gzipped = gzipped.is_some();
        (gzipped.unwrap_or_else(|| self.content.clone()), is_gzipped)
    }

    fn read(path: &str) -> Option<Self> {
        let file = ConsoleBuild::get(path)?;
        let etag = format!("W/\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
        let content = match file.data {
            Cow::Borrowed(content) => Bytes::from_static(content),
            Cow::Owned(content) => Bytes::from(content),
        };
        Some(Self {
            content_type: HeaderValue::from_static(content_type(path)),
            etag: HeaderValue::from_str(&etag).expect("hexadecimal digits"),
            cache_control: HeaderValue::from_static(cache_control(path)),
            content,
            gzipped: OnceLock::new(),
        })
    }
}

/// True for a path whose file has a hash in its name. A path without a file is a mistake there, and not a place in the console.
pub(super) fn is_hashed(path: &str) -> bool {
    path.starts_with(HASHED)
}

fn cache_control(path: &str) -> &'static str {
    if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The compressed content; none if it would not be smaller.
fn gzip(content: &[u8]) -> Option<Bytes> {
    if content.len() < MIN_GZIP_BYTES {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    encoder.finish().ok().filter(|gzipped| gzipped.len() < content.len()).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn the_page_is_part_of_the_program() {
        let page = ConsoleFile::at(PAGE).expect("the page");
        assert_eq!(
            (&page.content_type, &page.cache_control),
            (&"text/html; charset=utf-8".parse().unwrap(), &"no-cache".parse().unwrap())
        );
        assert!(page.content(false).0.starts_with(b"<!doctype html>"));
        assert!(ConsoleFile::at("package.json").is_none());
    }

    #[test]
    fn files_with_a_hash_in_their_name_are_kept_and_others_are_looked_up_again() {
        assert!(cache_control("assets/index-1a2b.js").contains("immutable"));
        assert_eq!(cache_control("favicon.svg"), "no-cache");
    }

    #[test]
    fn every_file_of_the_build_has_a_type() {
        for path in ConsoleBuild::iter() {
            assert_ne!(content_type(&path), "application/octet-stream", "{path}");
        }
    }

    #[test]
    fn compressed_content_is_the_content() {
        let content = "the same ".repeat(1000);
        let gzipped = gzip(content.as_bytes()).unwrap();
        let mut read = String::new();
        GzDecoder::new(&*gzipped).read_to_string(&mut read).unwrap();
        assert!(read == content && gzipped.len() < 200);
        assert_eq!(gzip(b"short"), None);
    }
}
