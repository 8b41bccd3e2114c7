//! Tests that `docs/settings.md` and `deploy/gateway.toml` agree with the declared settings. With `UPDATE_DOCS=1` they write both files.

use std::fmt::Write as _;
use std::path::Path;

use super::Settings;
use super::section::{Section, Setting};

/// Compares the documents with the declarations, or writes them if the variable `UPDATE_DOCS` is set.
#[test]
fn the_documents_are_those_of_the_declarations() {
    for (file, expected) in [("docs/settings.md", page()), ("deploy/gateway.toml", deployed())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        let hint = "run `UPDATE_DOCS=1 cargo test -p platools-gateway --lib settings::` and commit the result";
        assert!(found == expected, "{file} differs from the declarations of the settings; {hint}");
    }
}

/// The page with all settings.
fn page() -> String {
    let mut page = PAGE_HEAD.to_owned();
    Settings::default().visit(&mut |section| {
        let table = if section.path().is_empty() { String::new() } else { format!(": `[{}]`", section.path()) };
        let _ = write!(page, "\n## {}{table}\n\n{}\n\n", section.title(), section.about());
        page.push_str("| key | flag and variable | default | meaning |\n|---|---|---|---|\n");
        for setting in section.settings() {
            let _ = writeln!(page, "{}", row(&setting));
        }
    });
    page
}

fn row(setting: &Setting) -> String {
    let (variable, flag) = (setting.variable(), setting.flag());
    let mut names =
        if setting.is_secret() { format!("`{variable}` only") } else { format!("`--{flag}`, `{variable}`") };
    if let Some((name, _)) = setting.fallback {
        let _ = write!(names, ", `{name}`");
    }
    let key = if setting.is_secret() { String::new() } else { format!("`{}`", setting.key()) };
    let default = match setting.default_text {
        Some(text) => text.to_owned(),
        None => Settings::default_of(setting).map_or_else(|| "none".to_owned(), |text| format!("`{text}`")),
    };
    format!("| {key} | {names} | {default} | {} |", setting.description())
}

/// The configuration file for a gateway under systemd: the defaults, each with its documentation.
fn deployed() -> String {
    let mut text = FILE_HEAD.to_owned();
    Settings::default().visit(&mut |section: &mut dyn Section| {
        let settings: Vec<Setting> = section.settings().into_iter().filter(|setting| !setting.is_secret()).collect();
        let has_values = settings.iter().any(|setting| value(section, setting).is_some());
        let _ = writeln!(text, "\n# {}.", section.title());
        if !section.path().is_empty() {
            let _ = writeln!(text, "{}[{}]", if has_values { "" } else { "# " }, section.path());
        }
        for setting in settings {
            let _ = writeln!(text, "# {}", setting.summary());
            let _ = match value(section, &setting) {
                Some(value) => writeln!(text, "{} = {value}", setting.key()),
                None => writeln!(text, "# {} = {}", setting.key(), example(&setting)),
            };
        }
    });
    text
}

/// The default that the file has: none for a setting without one, and for one whose default is only told in words.
fn value(section: &dyn Section, setting: &Setting) -> Option<toml::Value> {
    section.get(setting).filter(|_| setting.default_text.is_none())
}

/// The value that is commented out.
fn example(setting: &Setting) -> toml::Value {
    let default = || Settings::default().value_of(setting).expect("a default or an example");
    setting.example.map_or_else(default, |text| setting.parse(text).expect("an example that fits"))
}

#[test]
fn names_are_unique_and_every_setting_without_a_default_has_an_example() {
    let mut names: Vec<String> = Vec::new();
    for (_, setting) in Settings::declared() {
        names.extend([setting.name(), setting.variable(), format!("--{}", setting.flag())]);
        assert!(setting.summary().ends_with('.'), "{}", setting.name());
        assert!(setting.summary().len() <= 130, "{}: the first paragraph is one line of the help", setting.name());
        let has_value = Settings::default().value_of(&setting).is_some();
        assert!(has_value || setting.is_secret() || setting.example.is_some(), "{}", setting.name());
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

const PAGE_HEAD: &str = "\
# Settings

`platools-gateway serve` takes its settings from flags, before those from the environment, before those from the file that `--config FILE`
or `PLATOOLS_GATEWAY_CONFIG` names. `serve --help` lists the settings that most gateways need, `serve --help-all` all of them. `config check`
takes the same flags, reads the certificate and its key if there are any, prints the settings together as such a file, and exits with 1 if
something is wrong (2 if it is a flag or a variable). An unknown key is an error. A variable that begins with `PLATOOLS_GATEWAY_` and is
not known is a warning in the log.

- A key has its flag in lower case with dashes, and its variable in capitals. Lists have commas between their items in a flag or a variable.
- Times are like `30s`, `1h 30m` or `90d`, sizes like `64KiB` or `1GB`.
- An empty text takes back an optional value from further down.
- Only the environment may have a secret: flags and files are read by too many.

```toml
data = \"/var/lib/platools-gateway\"
listen = \"0.0.0.0:3100\"
drain_limit = \"1m\"

[log]
format = \"json\"
```

This page is written from the declarations in `platools-gateway/src/settings`; see [CONTRIBUTING](../CONTRIBUTING.md).
";

const FILE_HEAD: &str = "\
# /etc/platools/gateway.toml: the settings of the gateway. The values are its defaults. The unit sets `data`.
# docs/settings.md describes them; `platools-gateway config check --config FILE` checks the file.
";
