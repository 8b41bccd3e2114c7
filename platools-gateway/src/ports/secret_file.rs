//! [`is_open_to_all`]: tells whether every user of the machine can read a file, for warnings about files with secrets.

use std::path::Path;

/// Tells whether every user of this machine can read a file. Returns false if that is unknown, and on systems without such rights.
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
