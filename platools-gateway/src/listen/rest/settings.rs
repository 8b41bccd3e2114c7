//! The route `GET /v1/settings`, which shows the settings of the gateway with the source of each value.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Authenticated;
use crate::listen::http::problem::Problem;
use crate::ops::setting_report::ReportedSetting;
use crate::settings::SettingOrigin;

/// The settings of a gateway.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingList {
    /// In the order of their documentation.
    items: Vec<SettingView>,
}

/// A setting.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Setting)]
struct SettingView {
    /// The name with its section, such as `calls.max_timeout`.
    name: String,
    /// The heading of its section.
    section: &'static str,
    /// The value as a file has it; null of a secret, and of a setting without a value.
    value: Option<String>,
    /// The default, if there is one.
    default: Option<String>,
    /// `default`, `file`, `environment`, `command_line`, or `program` for the program that the gateway runs in.
    source: &'static str,
    /// The file with its line, the variable, or the flag.
    place: Option<String>,
    description: String,
    /// True of a secret, whose value is never shown.
    is_secret: bool,
}

impl From<&ReportedSetting> for SettingView {
    fn from(setting: &ReportedSetting) -> Self {
        let (source, place) = match &setting.origin {
            None => ("default", None),
            Some(SettingOrigin::File { path, line }) => ("file", Some(format!("{path}:{line}"))),
            Some(SettingOrigin::Variable(name)) => ("environment", Some(name.clone())),
            Some(SettingOrigin::Flag(name)) => ("command_line", Some(name.clone())),
            Some(SettingOrigin::Program) => ("program", None),
        };
        let ReportedSetting { name, section, value, default, description, is_secret, .. } = setting.clone();
        Self { name, section, value, default, source, place, description, is_secret }
    }
}

/// Show the settings with the source of each value. Secrets are never shown. Only for admins of the default project.
#[utoipa::path(get, path = "/v1/settings", tag = "operations",
    responses((status = 200, body = SettingList), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<SettingList>, ErrorView> {
    Ok(Json(SettingList { items: core.installation.settings(&caller)?.iter().map(Into::into).collect() }))
}
