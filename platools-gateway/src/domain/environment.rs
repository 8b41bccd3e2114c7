//! [`Environment`]: an environment of a project. `resolve` finds the environment that an id, a slug or an alias such as `prod` names.

use super::ids::EnvironmentId;

/// The default environment, which a request without one means.
pub const DEFAULT: &str = "development";

/// An environment of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name in URLs.
    pub slug: String,
}

/// Finds the environment that an id or slug means; none at all means [`DEFAULT`].
///
/// Ids match exactly, slugs regardless of case. A slug that exists goes before an alias that looks the same.
pub(crate) fn resolve<'a>(environments: &'a [Environment], wanted: Option<&str>) -> Option<&'a Environment> {
    let wanted = wanted.map(str::trim).filter(|wanted| !wanted.is_empty()).unwrap_or(DEFAULT);
    let by_slug = |slug: &str| environments.iter().find(|candidate| candidate.slug.eq_ignore_ascii_case(slug));
    environments
        .iter()
        .find(|candidate| candidate.id.as_str() == wanted)
        .or_else(|| by_slug(wanted))
        .or_else(|| alias(wanted).and_then(by_slug))
}

/// The full name of a usual short form.
fn alias(slug: &str) -> Option<&'static str> {
    match slug.to_ascii_lowercase().as_str() {
        "dev" => Some("development"),
        "stage" | "stg" => Some("staging"),
        "prod" => Some("production"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environments() -> Vec<Environment> {
        ["development", "staging", "production"]
            .map(|slug| Environment { id: format!("env_{slug}").into(), slug: slug.to_owned() })
            .into()
    }

    fn resolved(wanted: Option<&str>) -> Option<String> {
        resolve(&environments(), wanted).map(|environment| environment.slug.clone())
    }

    #[test]
    fn none_means_development() {
        assert_eq!(resolved(None).as_deref(), Some("development"));
        assert_eq!(resolved(Some("")).as_deref(), Some("development"));
    }

    #[test]
    fn slugs_and_aliases_match_regardless_of_case() {
        for (wanted, slug) in [
            ("Development", "development"),
            ("DEV", "development"),
            ("staging", "staging"),
            ("stage", "staging"),
            ("Stg", "staging"),
            ("prod", "production"),
            ("PRODUCTION", "production"),
        ] {
            assert_eq!(resolved(Some(wanted)).as_deref(), Some(slug), "{wanted}");
        }
    }

    #[test]
    fn ids_match_exactly() {
        assert_eq!(resolved(Some("env_staging")).as_deref(), Some("staging"));
        assert_eq!(resolved(Some("ENV_staging")), None);
        assert_eq!(resolved(Some("qa")), None);
    }

    #[test]
    fn a_slug_goes_before_an_alias() {
        let environments = [
            Environment { id: "1".into(), slug: "development".to_owned() },
            Environment { id: "2".into(), slug: "dev".to_owned() },
        ];
        assert_eq!(resolve(&environments, Some("dev")).map(|found| found.id.as_str()), Some("2"));
    }
}
