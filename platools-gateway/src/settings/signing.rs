//! Where the keys are that sign tokens.

use std::path::PathBuf;

use anyhow::bail;
use platools_gateway::SigningKeySource;

/// The variable that may have the keys themselves, and nothing else may: files of settings and flags are read by too many.
const KEYS: &str = "PLATOOLS_GATEWAY_SIGNING_KEYS";

/// The place of the signing keys: the environment, a file, or the folder of the data.
///
/// # Errors
/// There are two places.
pub(crate) fn signing_keys(file: Option<PathBuf>) -> anyhow::Result<SigningKeySource> {
    source(file, std::env::var(KEYS).ok())
}

fn source(file: Option<PathBuf>, keys: Option<String>) -> anyhow::Result<SigningKeySource> {
    match (file, keys.filter(|keys| !keys.is_empty())) {
        (Some(_), Some(_)) => {
            bail!("the signing keys are in {KEYS}, and `signing_key_file` names a file of them; take one of both away")
        }
        (Some(file), None) => Ok(SigningKeySource::File(file)),
        (None, Some(keys)) => Ok(SigningKeySource::Text(keys.into())),
        (None, None) => Ok(SigningKeySource::DataFolder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_place_and_are_not_shown() {
        let hush = || Some("hush".to_owned());
        let shown = |file: Option<&str>, keys| format!("{:?}", source(file.map(Into::into), keys));
        assert!(shown(None, None).contains("DataFolder") && shown(None, Some(String::new())).contains("DataFolder"));
        assert!(shown(Some("/k"), None).contains("/k"));
        assert!(shown(None, hush()).contains("Text"));
        assert!(shown(Some("/k"), hush()).contains("take one of both away"));
        assert!(!shown(None, hush()).contains("hush") && !shown(Some("/k"), hush()).contains("hush"));
    }
}
