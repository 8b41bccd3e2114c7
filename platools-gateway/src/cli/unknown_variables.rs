//! [`warn_of_unknown`]: warns of environment variables that have the gateway's prefix and set nothing.

use clap::Command;
use tracing::warn;

use platools_gateway::settings::{Settings, VARIABLE_PREFIX};

/// Secrets that are no settings of a gateway, and have no flag: arguments of a process are visible to others.
const WITHOUT_A_FLAG: [&str; 4] = [
    "PLATOOLS_GATEWAY_DEV_ADMIN_KEY",
    "PLATOOLS_GATEWAY_DEV_AGENT_KEY",
    "PLATOOLS_GATEWAY_DEV_SECRET",
    "PLATOOLS_GATEWAY_KEY",
];

/// Warns of each variable with the prefix that no command of the program reads: most often a misspelt one.
pub(super) fn warn_of_unknown(program: &Command) {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in unknown(names, &known(program)) {
        warn!(variable = name, "unknown variable ignored; `docs/settings.md` lists the known ones");
    }
}

fn unknown(names: impl Iterator<Item = String>, known: &[String]) -> Vec<String> {
    names.filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(name)).collect()
}

/// The variables of all flags of all commands, and those without a flag.
fn known(program: &Command) -> Vec<String> {
    let mut names = WITHOUT_A_FLAG.map(str::to_owned).to_vec();
    names.extend(Settings::declared().into_iter().map(|(_, setting)| setting.variable()));
    collect(program, &mut names);
    names
}

fn collect(command: &Command, names: &mut Vec<String>) {
    let variables = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    names.extend(variables.map(str::to_owned));
    command.get_subcommands().for_each(|command| collect(command, names));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn a_misspelt_variable_is_found_and_the_known_ones_are_not() {
        let set = ["PLATOOLS_GATEWAY_LISTN", "PLATOOLS_GATEWAY_LISTEN", "PLATOOLS_GATEWAY_KEY", "PATH"];
        let found = unknown(set.map(str::to_owned).into_iter(), &known(&Cli::command()));
        assert_eq!(found, ["PLATOOLS_GATEWAY_LISTN"]);
    }

    /// Every variable that a source reads by name is a known one.
    #[test]
    fn variables_that_stand_for_no_flag_are_listed() {
        let known = known(&Cli::command());
        for name in WITHOUT_A_FLAG {
            assert!(known.iter().any(|known| known == name));
        }
        let documented = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md")).unwrap();
        let written = documented.split(|end: char| !end.is_ascii_uppercase() && end != '_');
        for name in written.filter(|word| word.starts_with(VARIABLE_PREFIX) && word.len() > VARIABLE_PREFIX.len()) {
            assert!(known.iter().any(|known| known == name), "{name} is documented and not known");
        }
    }
}
