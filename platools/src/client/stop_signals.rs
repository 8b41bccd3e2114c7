//! [`SignalledRun`]: runs a client until the process gets a stop signal, and then stops the client.
//!
//! A thread of its own waits for the signals of the process. So a signal is noticed even while handlers block all threads of the
//! application's runtime.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{io, thread};

use tokio::runtime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{error, info};

use crate::blocking_threads::BlockingThread;
use crate::link::farewell;
use platools_transport::after;
use platools_transport::{Error, ErrorKind, INTERRUPTED, StopSignals, end_process};

/// A run that the first signal stops. Dropping it says that the run has ended.
#[derive(Debug)]
pub(super) struct SignalledRun {
    number: u64,
    stop: watch::Receiver<bool>,
}

impl SignalledRun {
    /// Catches signals from now on, for the rest of the process's life. The run takes at most `drain_limit` to stop.
    ///
    /// # Errors
    /// Signals cannot be caught.
    pub(super) fn begin(drain_limit: Duration) -> Result<Self, Error> {
        RUNS.watch_signals().map_err(|error| {
            let message =
                "the signals that stop the worker cannot be caught; use `connect_until` for a stop of your own";
            Error::new(ErrorKind::Signals, message).with_source(error)
        })?;
        Ok(RUNS.begin(drain_limit))
    }

    /// Waits for the first signal; returns at once after it.
    pub(super) async fn stopped(&mut self) {
        // The sender is a static, so this fails never.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }
}

impl Drop for SignalledRun {
    fn drop(&mut self) {
        RUNS.active.send_modify(|active| _ = active.remove(&self.number));
    }
}

/// The time that the process has to end by itself when a handler may hold one of its threads.
const GRACE: Duration = Duration::from_secs(5);

/// The runs of this process.
static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

/// The runs that signals stop.
#[derive(Debug, Default)]
struct Runs {
    /// True if a thread waits for signals.
    is_watched: Mutex<bool>,
    /// True if a signal came.
    stop: watch::Sender<bool>,
    /// The drain limits of the runs that have not ended, by their numbers.
    active: watch::Sender<BTreeMap<u64, Duration>>,
}

impl Runs {
    /// Starts the thread that waits for signals, unless it runs.
    fn watch_signals(&'static self) -> io::Result<()> {
        let mut is_watched = self.is_watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_watched {
            let (ready, caught) = mpsc::channel();
            let thread = thread::Builder::new().name("platools-signals".to_owned());
            thread.spawn(move || self.obey_signals(&ready))?;
            // The runtime and the handlers of signals take far less than a millisecond.
            caught.recv().unwrap_or_else(|_| Err(io::Error::other("the thread for signals ended")))?;
            *is_watched = true;
        }
        Ok(())
    }

    fn begin(&self, drain_limit: Duration) -> SignalledRun {
        let mut number = 0;
        self.active.send_modify(|active| {
            number = active.last_key_value().map_or(0, |(last, _)| last + 1);
            active.insert(number, drain_limit);
        });
        SignalledRun { number, stop: self.stop.subscribe() }
    }

    /// The thread that waits for signals. It reports whether they are caught.
    fn obey_signals(&self, ready: &mpsc::Sender<io::Result<()>>) {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let caught = runtime.and_then(|runtime| {
            let signals = runtime.block_on(async { StopSignals::listen() })?;
            Ok((runtime, signals))
        });
        match caught {
            Ok((runtime, signals)) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(self.obey(signals));
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    }

    /// Stops the runs at the first signal. Ends the process at the second, or if the stop takes too long.
    async fn obey(&self, mut signals: StopSignals) {
        signals.next().await;
        let limit = self.active.borrow().values().max().copied();
        info!(
            drain_limit_ms = limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            "signal to stop received; a second one ends the process at once"
        );
        self.stop.send_replace(true);
        tokio::select! {
            () = signals.next() => end_process(INTERRUPTED),
            () = self.overdue(limit.unwrap_or_default()) => end_process(0),
        }
    }

    /// Waits until the process should have ended and is kept from it: by a handler that used up the drain limit and blocks a thread, or
    /// by one that has its thread although its call is over.
    async fn overdue(&self, limit: Duration) {
        let began = Instant::now();
        let mut active = self.active.subscribe();
        let ended = active.wait_for(BTreeMap::is_empty);
        // Just before a run gives up its calls, which it does when the farewell begins.
        let in_time = timeout_at(after(began, limit.saturating_sub(farewell(limit))), ended).await.is_ok();
        if !in_time {
            sleep_until(after(began, limit.saturating_add(GRACE))).await;
            error!("process ended by the signal: calls did not end within the drain limit; a handler blocks a thread");
            return;
        }
        loop {
            sleep(GRACE).await;
            let threads = BlockingThread::count();
            if threads > 0 {
                error!(
                    threads.held = threads,
                    "process ended by the signal: handlers of ended calls still hold threads"
                );
                return;
            }
        }
    }
}
