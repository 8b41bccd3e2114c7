//! [`SettingFlags`]: the flags and environment variables of a command's settings, made from the declarations of the sections.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use platools_gateway::settings::{Setting, SettingOrigins, Settings, Sources};

use super::output::say;

/// The sections that a command reads.
pub(super) trait Sections: Clone + Send + Sync + 'static {
    /// Their paths, if the command does not read all of them.
    const PATHS: Option<&'static [&'static str]>;
}

/// All sections: those of `serve`.
#[derive(Debug, Clone)]
pub(super) struct AllSections;

/// The sections of `dev`.
#[derive(Debug, Clone)]
pub(super) struct DevSections;

/// The section of commands with nothing but a log.
#[derive(Debug, Clone)]
pub(super) struct LogSection;

impl Sections for AllSections {
    const PATHS: Option<&'static [&'static str]> = None;
}

impl Sections for DevSections {
    const PATHS: Option<&'static [&'static str]> = Some(&["http", "chat", "model", "log"]);
}

impl Sections for LogSection {
    const PATHS: Option<&'static [&'static str]> = Some(&["log"]);
}

/// The values of the flags and variables of some sections.
#[derive(Debug, Clone)]
pub(super) struct SettingFlags<S> {
    given: BTreeMap<String, toml::Value>,
    /// The names of those that came from a variable.
    variables: BTreeSet<String>,
    sections: PhantomData<S>,
}

impl<S: Sections> SettingFlags<S> {
    /// No flags, for a command that takes none.
    pub(super) fn none() -> Self {
        Self { given: BTreeMap::new(), variables: BTreeSet::new(), sections: PhantomData }
    }

    /// The settings, with the values of a file below those of the flags.
    ///
    /// # Errors
    /// Like [`Settings::load`].
    pub(super) fn load(self, file: Option<&Path>) -> anyhow::Result<Settings> {
        Ok(self.load_with_origins(file)?.0)
    }

    /// The same, with the source of each value that is no default.
    ///
    /// # Errors
    /// Like [`Settings::load`].
    pub(super) fn load_with_origins(self, file: Option<&Path>) -> anyhow::Result<(Settings, SettingOrigins)> {
        let Self { given, variables, .. } = self;
        Ok(Settings::load_with_origins(&Sources { file, given, variables, sections: S::PATHS })?)
    }

    /// The settings of the sections that have flags, with their headings.
    fn declared() -> impl Iterator<Item = (&'static str, Setting)> {
        let is_read = |setting: &Setting| S::PATHS.is_none_or(|paths| paths.contains(&setting.path()));
        Settings::declared().into_iter().filter(move |(_, setting)| !setting.is_secret() && is_read(setting))
    }
}

impl<S: Sections> Args for SettingFlags<S> {
    fn augment_args(command: Command) -> Command {
        Self::declared().fold(command, |command, (title, setting)| command.arg(argument(&setting).help_heading(title)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Sections> FromArgMatches for SettingFlags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::none();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (_, setting) in Self::declared() {
            let name = setting.name();
            if matches.value_source(&name) == Some(ValueSource::EnvVariable) {
                self.variables.insert(name.clone());
            }
            self.given.extend(matches.get_one::<toml::Value>(&name).cloned().map(|value| (name, value)));
        }
        Ok(())
    }
}

/// The flag of a setting. The short help lists the common ones.
fn argument(setting: &Setting) -> Arg {
    let default = Settings::default_of(setting).map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let summary = setting.summary();
    let parsed = setting.clone();
    Arg::new(setting.name())
        .long(setting.flag())
        .visible_aliases(setting.alias())
        .env(setting.variable())
        .hide_env(true)
        .value_name(setting.form())
        .value_parser(move |text: &str| parsed.parse(text))
        .help(format!("{}{default}", summary.strip_suffix('.').unwrap_or(&summary)))
        .hide(!setting.is_common())
}

/// The text below the help of `serve`.
pub(super) const AFTER_HELP: &str = "Each flag is also a variable: --drain-limit is PLATOOLS_GATEWAY_DRAIN_LIMIT. --help-all lists all settings; \
                                     docs/settings.md describes them.";

/// Prints the help of a command of the program with all of its settings.
pub(super) fn print_help(program: Command, name: &str) -> anyhow::Result<()> {
    whole_help(program, name).map_or(Ok(()), |help| say(&help))
}

fn whole_help(mut program: Command, name: &str) -> Option<String> {
    program.build();
    let mut command = program.find_subcommand(name)?.clone().mut_args(|argument| argument.hide(false));
    Some(command.render_help().to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    fn help(name: &str) -> String {
        Cli::command().try_get_matches_from(["platools-gateway", name, "--help"]).unwrap_err().to_string()
    }

    #[test]
    fn the_help_fits_a_screen_and_has_headings() {
        for name in ["serve", "dev"] {
            let help = help(name);
            assert!(help.lines().count() <= 50, "{name}: {}", help.lines().count());
            assert!(
                help.contains("\nLog:\n") && help.contains("--log-filter") && help.contains("--help-all"),
                "{help}"
            );
        }
        assert!(!help("serve").contains("--feed-tick"));
    }

    #[test]
    fn the_whole_help_has_every_flag() {
        let help = whole_help(Cli::command(), "serve").unwrap();
        for (_, setting) in Settings::declared().into_iter().filter(|(_, setting)| !setting.is_secret()) {
            assert!(help.contains(&format!("--{} <", setting.flag())), "{}", setting.name());
        }
    }
}
