//! [`is_open_to_all`]: whether a file with a secret is one that every user of this machine can read.

use std::path::Path;

/// Says whether every user of this machine can read a file. False where it cannot be told, and on systems without such rights.
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
