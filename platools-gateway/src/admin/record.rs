//! [`RecordedChange`]: records a change that an admin makes in the audit, in the same transaction as the change itself.

use std::sync::Arc;

use super::{Admin, Administration};
use crate::audit::{self, Actor, AuditEvent, AuditKind};
use crate::domain::error::Error;
use crate::ports::directory::DirectoryStore;
use crate::ports::time::now_ms;

/// A change that is about to be made.
#[must_use = "a change is recorded only if it is made with the store of its record"]
pub(super) struct RecordedChange<'a> {
    services: &'a Administration,
    store: Arc<dyn DirectoryStore>,
    event: Arc<AuditEvent>,
    is_quiet: bool,
}

impl<'a> RecordedChange<'a> {
    pub(super) fn new(
        services: &'a Administration,
        actor: Actor,
        action: &'static str,
        more: impl FnOnce(AuditEvent) -> AuditEvent,
    ) -> Self {
        let event = Arc::new(more(AuditEvent::new(AuditKind::Change, action, actor, now_ms())));
        Self { services, store: services.directory.store().recording(&event), event, is_quiet: false }
    }

    /// The store to make the change with: the event is written in the same transaction.
    pub(super) fn store(&self) -> &dyn DirectoryStore {
        &*self.store
    }

    /// Logs the change after it was made.
    pub(super) fn done(self) {
        if self.is_quiet { audit::log_quietly(&self.event) } else { audit::log(&self.event) }
    }

    /// Stores the event of a change outside of the database. If this fails, the caller reports the change as failed.
    pub(super) async fn store_alone(self) -> Result<(), Error> {
        self.services.audit.store_change(&self.event).await
    }
}

impl Admin<'_> {
    /// The same admin, whose changes are logged at `debug`: for a development gateway's first data.
    #[must_use]
    pub(crate) fn quietly(self) -> Self {
        Self { is_quiet: true, ..self }
    }

    /// Begins a change of something in the project; `subject` is its id, or its name if it has none.
    pub(super) fn record(&self, action: &'static str, subject: &str, detail: &str) -> RecordedChange<'_> {
        let change = RecordedChange::new(self.services, self.actor.clone(), action, |event| {
            let event = event.in_project(&self.project).on(subject);
            if detail.is_empty() { event } else { event.because(detail) }
        });
        RecordedChange { is_quiet: self.is_quiet, ..change }
    }
}
