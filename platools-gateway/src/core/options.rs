//! [`CoreOptions`]: the settings of a gateway's services, and the parts that an embedding application adds, such as event handlers.

use std::sync::Arc;

use platools_bus::Bus;

use crate::agents::AgentRunner;
use crate::agents::chat::ChatSettings;
use crate::audit::AuditSettings;
use crate::authority::SigningKeySource;
use crate::calls::idempotency::IdempotencySettings;
use crate::domain::ids::GatewayNumber;
use crate::feed::{DashboardAuth, FeedSettings, SnapshotProvider};
use crate::journal::JournalSettings;
use crate::limits::Limits;
use crate::ops::log_tail::LogTail;
use crate::ops::setting_report::SettingReport;
use crate::pending::CallSettings;
use crate::ports::call_observer::CallObserver;
use crate::sessions::{EventHandler, RuntimeSettings};
use crate::settings::ConsoleSettings;

/// Options of a gateway's services. The default keeps no journal, stores no sign-ins and refusals, and has no agent sessions.
#[derive(Debug, Default)]
pub(crate) struct CoreOptions {
    /// The number of this gateway among those that serve the same workers.
    pub(crate) gateway: GatewayNumber,
    /// The bus to the other gateways. None: this one is alone.
    pub(crate) bus: Option<Arc<dyn Bus>>,
    pub(crate) limits: Limits,
    pub(crate) signing_keys: SigningKeySource,
    /// None: no call is recorded.
    pub(crate) journal: Option<JournalSettings>,
    /// None: sign-ins and refusals are logged only. Changes are stored in any case.
    pub(crate) audit: Option<AuditSettings>,
    /// None: no agent begins a session.
    pub(crate) sessions: Option<RuntimeSettings>,
    /// The application's handlers of custom events of agents.
    pub(crate) event_handlers: Vec<EventHandler>,
    pub(crate) idempotency: IdempotencySettings,
    pub(crate) calls: CallSettings,
    pub(crate) chat: ChatSettings,
    /// The implementation of agents of [`AgentKind::Model`](crate::domain::agent_profile::AgentKind::Model). None: they cannot answer.
    pub(crate) model: Option<Arc<dyn AgentRunner>>,
    pub(crate) feed: FeedSettings,
    /// The application's snapshots for dashboards. None: dashboards see the gateway's own state.
    pub(crate) snapshots: Option<Arc<dyn SnapshotProvider>>,
    /// The check of the application's own tokens. None: dashboards need a token of the gateway.
    pub(crate) dashboard_auth: Option<Arc<dyn DashboardAuth>>,
    pub(crate) console: ConsoleSettings,
    /// True of a gateway for development, which says so in the console.
    pub(crate) is_development: bool,
    /// The settings, for admins who read them.
    pub(crate) setting_report: SettingReport,
    /// The log that admins may follow.
    pub(crate) logs: Option<LogTail>,
    /// Observers of calls, beside those of the services.
    pub(crate) observers: Vec<Arc<dyn CallObserver>>,
    /// The share of new traces that are recorded, from 0 to 1.
    pub(crate) trace_ratio: f64,
    /// True if a caller without a credential is an operator instead of a viewer.
    pub(crate) is_without_auth: bool,
}
