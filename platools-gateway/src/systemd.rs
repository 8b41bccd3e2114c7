//! [`SystemdNotifier`]: tells systemd that the gateway is ready, alive or stopping. Without systemd it does nothing.

#[cfg(not(unix))]
pub(crate) use absent::SystemdNotifier;
#[cfg(unix)]
pub(crate) use notify::SystemdNotifier;

#[cfg(unix)]
mod notify {
    use std::time::Duration;

    use sd_notify::NotifyState;
    use tokio::time::{MissedTickBehavior, interval};
    use tokio_util::task::AbortOnDropHandle;

    /// The time that a stop takes beyond the drain limit.
    const FAREWELL: Duration = Duration::from_secs(30);

    /// The connection to systemd, from `READY` to `STOPPING`.
    pub(crate) struct SystemdNotifier {
        /// Sends signs of life, if systemd wants them.
        _watchdog: Option<AbortOnDropHandle<()>>,
    }

    impl SystemdNotifier {
        /// Tells systemd that the gateway serves, and sends signs of life from now on.
        pub(crate) fn ready() -> Self {
            tell(&[NotifyState::Ready]);
            // Twice in the time after which systemd takes the gateway for dead.
            let every = sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|every| !every.is_zero());
            let live = |every| AbortOnDropHandle::new(tokio::spawn(live(every)));
            Self { _watchdog: every.map(live) }
        }

        /// Tells systemd that the gateway stops, and that it may take as long as the drain limit.
        pub(crate) fn stopping(self, drain_limit: Duration) {
            let micros = u32::try_from(drain_limit.saturating_add(FAREWELL).as_micros()).unwrap_or(u32::MAX);
            tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros)]);
        }
    }

    /// Sends a sign of life as long as the runtime runs tasks. The state of the database does not count: a restart would not mend it, and
    /// would end every connection and call. `GET /ready` tells the state of the database.
    async fn live(every: Duration) {
        let mut interval = interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn tell(state: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state) {
            tracing::warn!(%error, "systemd notification failed");
        }
    }
}

#[cfg(not(unix))]
mod absent {
    use std::time::Duration;

    /// Does nothing, on systems without systemd.
    pub(crate) struct SystemdNotifier;

    impl SystemdNotifier {
        pub(crate) fn ready() -> Self {
            Self
        }

        pub(crate) fn stopping(self, _drain_limit: Duration) {}
    }
}
