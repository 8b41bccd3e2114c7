//! [`SettingOrigin`]: the source of a setting's value.

use std::collections::BTreeMap;

/// The source of a value that is no default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingOrigin {
    /// The configuration file.
    File {
        /// The path of the file.
        path: String,
        /// The line of the key.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
    /// The program that the gateway runs in.
    Program,
}

/// The sources of the values that are no defaults, by the names of the settings.
pub type SettingOrigins = BTreeMap<String, SettingOrigin>;
