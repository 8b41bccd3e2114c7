//! [`SettingReport`]: all settings of a gateway with their values and sources, for operators.

use crate::settings::{SettingOrigin, SettingOrigins, Settings};

/// All settings of a gateway, as it started with them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingReport(Vec<ReportedSetting>);

/// A setting with its value. The values of secrets are left out.
#[derive(Debug, Clone)]
pub(crate) struct ReportedSetting {
    pub(crate) name: String,
    /// The heading of its section.
    pub(crate) section: &'static str,
    /// The value, as in a configuration file; none of a secret, and of a setting without a value.
    pub(crate) value: Option<String>,
    pub(crate) default: Option<String>,
    /// None of a default.
    pub(crate) origin: Option<SettingOrigin>,
    pub(crate) description: String,
    pub(crate) is_secret: bool,
}

impl SettingReport {
    /// The report of settings. A value without a source that is no default comes from the program that the gateway runs in.
    pub(crate) fn new(settings: &Settings, origins: &SettingOrigins) -> Self {
        let reported = Settings::declared().into_iter().map(|(section, setting)| {
            let (name, value) = (setting.name(), settings.text_of(&setting));
            let default = Settings::default_of(&setting);
            let is_default = value == Settings::default().text_of(&setting);
            let origin = origins.get(&name).cloned().or_else(|| (!is_default).then_some(SettingOrigin::Program));
            let (description, is_secret) = (setting.description(), setting.is_secret());
            ReportedSetting { name, section, value, default, origin, description, is_secret }
        });
        Self(reported.collect())
    }

    pub(crate) fn settings(&self) -> &[ReportedSetting] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_source_and_no_secret_is_there() {
        let settings = Settings::default().with(|settings| {
            settings.drain_limit = std::time::Duration::from_secs(7);
            settings.journal.max_payload_bytes = 1;
            settings.signing_keys = Some("hidden".to_owned().into());
        });
        let variable = |name: &str| SettingOrigin::Variable(name.to_owned());
        let origins = SettingOrigins::from([
            ("drain_limit".to_owned(), SettingOrigin::File { path: "/etc/gateway.toml".to_owned(), line: 3 }),
            ("signing_keys".to_owned(), variable("PLATOOLS_GATEWAY_SIGNING_KEYS")),
        ]);
        let report = SettingReport::new(&settings, &origins);
        let of = |name: &str| report.settings().iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(
            (of("drain_limit").value.as_deref(), of("drain_limit").default.as_deref()),
            (Some("7s"), Some("10s"))
        );
        assert_eq!(of("drain_limit").origin, origins.get("drain_limit").cloned());
        assert_eq!(of("journal.max_payload").origin, Some(SettingOrigin::Program));
        assert_eq!(of("stop_delay").origin, None);
        let secret = of("signing_keys");
        assert!(secret.is_secret && secret.value.is_none());
        assert_eq!(secret.origin, Some(variable("PLATOOLS_GATEWAY_SIGNING_KEYS")));
        assert!(!format!("{report:?}").contains("hidden"));
    }
}
