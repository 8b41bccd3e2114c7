//! Tells systemd how the gateway is. Where nobody asked to be told, nothing happens.

#[cfg(not(unix))]
pub(crate) use nobody::Supervisor;
#[cfg(unix)]
pub(crate) use notify::Supervisor;

#[cfg(unix)]
mod notify {
    use std::time::Duration;

    use sd_notify::NotifyState;
    use tokio::time::{MissedTickBehavior, interval};
    use tokio_util::task::AbortOnDropHandle;

    /// How long the gateway takes to stop beyond its drain limit.
    const FAREWELL: Duration = Duration::from_secs(30);

    /// Whoever started the gateway and watches over it.
    pub(crate) struct Supervisor {
        /// Gives signs of life, if they are wanted.
        _watchdog: Option<AbortOnDropHandle<()>>,
    }

    impl Supervisor {
        /// Says that the gateway serves, and gives signs of life from now on.
        pub(crate) fn ready() -> Self {
            tell(&[NotifyState::Ready]);
            // Twice as often as they are missed.
            let every = sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|every| !every.is_zero());
            let live = |every| AbortOnDropHandle::new(tokio::spawn(live(every)));
            Self { _watchdog: every.map(live) }
        }

        /// Says that the gateway stops, which may take as long as the calls that it waits for.
        pub(crate) fn stopping(self, drain_limit: Duration) {
            let micros = u32::try_from(drain_limit.saturating_add(FAREWELL).as_micros()).unwrap_or(u32::MAX);
            tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros)]);
        }
    }

    /// Gives a sign of life as long as tasks are run. The database has no part in it: a restart would not make it faster, and would take
    /// every connection and call with it. `GET /ready` says how the database is.
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
            tracing::warn!(%error, "systemd could not be told how the gateway is");
        }
    }
}

#[cfg(not(unix))]
mod nobody {
    use std::time::Duration;

    /// Nobody.
    pub(crate) struct Supervisor;

    impl Supervisor {
        pub(crate) fn ready() -> Self {
            Self
        }

        pub(crate) fn stopping(self, _drain_limit: Duration) {}
    }
}
