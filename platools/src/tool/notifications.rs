//! Progress and log entries that running calls have not sent yet: [`Slot`] keeps those of one call, and [`Outlet`] tells the worker which
//! calls have some.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::context::Context;
use super::log::Entry;
use super::progress::Report;

/// Entries of a call's log that wait to be sent; further ones are counted and left out.
const MAX_ENTRIES: usize = 64;

/// Progress and log of a call that are not sent yet.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Unsent {
    /// The latest report of how far it is.
    pub(crate) progress: Option<Report>,
    /// The log since it was last taken.
    pub(crate) log: Vec<Entry>,
    /// Entries that came when there was no room.
    pub(crate) left_out: usize,
}

impl Unsent {
    fn put_entry(&mut self, entry: Entry) {
        if self.log.len() == MAX_ENTRIES {
            self.left_out += 1;
            // Whoever wants little of the log is not to miss it for what others want.
            let Some(lesser) = self.log.iter().position(|kept| kept.level < entry.level) else { return };
            self.log.remove(lesser);
        }
        self.log.push(entry);
    }

    /// The latest report, and the log with a word on what is missing of it.
    pub(crate) fn into_parts(self) -> (Option<Report>, impl Iterator<Item = Entry>) {
        let left_out = (self.left_out > 0).then(|| Entry::left_out(self.left_out));
        (self.progress, self.log.into_iter().chain(left_out))
    }

    /// Keeps no more of the log than how long it was.
    pub(crate) fn leave_out_log(&mut self) {
        self.left_out += self.log.len();
        self.log.clear();
    }
}

/// Progress and log of one call.
#[derive(Debug, Default)]
pub(super) struct Slot {
    said: Mutex<Said>,
    /// True if there is something to take. Most calls say nothing, and their end looks here only.
    is_filled: AtomicBool,
}

#[derive(Debug, Default)]
struct Said {
    /// Boxed, so that calls that say nothing are small.
    unsent: Option<Box<Unsent>>,
    /// Progress of the last report; `None` before the first one.
    done: Option<f64>,
}

impl Slot {
    /// Keeps a report of how far the call is, if it says more than the one before. Tells whether nothing was kept before it.
    pub(super) fn put_progress(&self, report: Report) -> bool {
        let mut said = self.lock();
        let grows = said.done.is_none_or(|done| report.done > done);
        if !report.done.is_finite() || !grows {
            return false;
        }
        said.done = Some(report.done);
        self.is_filled.store(true, Ordering::Release);
        said.keep(|unsent| unsent.progress = Some(report))
    }

    /// Keeps an entry of the log; where there is no room, if it matters more than another. Tells whether nothing was kept before it.
    pub(super) fn put_entry(&self, entry: Entry) -> bool {
        let mut said = self.lock();
        self.is_filled.store(true, Ordering::Release);
        said.keep(|unsent| unsent.put_entry(entry))
    }

    fn take(&self) -> Option<Box<Unsent>> {
        if !self.is_filled.load(Ordering::Acquire) {
            return None;
        }
        let mut said = self.lock();
        self.is_filled.store(false, Ordering::Release);
        said.unsent.take()
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn keep(&mut self, change: impl FnOnce(&mut Unsent)) -> bool {
        let is_first = self.unsent.is_none();
        change(self.unsent.get_or_insert_default());
        is_first
    }
}

impl Context {
    /// Keeps what the call says until it can be sent, if anybody wants to know.
    pub(super) fn say(&self, is_wanted: impl FnOnce(Wanted) -> bool, put: impl FnOnce(&Slot) -> bool) {
        let Some(outlet) = self.0.outlet.as_ref().filter(|outlet| is_wanted(outlet.wanted())) else { return };
        if !self.0.life.is_over() && put(&self.0.said) {
            outlet.offer(self);
        }
    }

    /// Takes the messages to send now; none once the call is over.
    pub(crate) fn take_said(&self) -> Option<Unsent> {
        // What is there when the call ends is for `take_last_said`.
        if self.0.life.is_over() {
            return None;
        }
        self.0.said.take().map(|unsent| *unsent)
    }

    /// Takes the messages from before the end of the call that are not sent yet. They can still be sent before its answer.
    pub(crate) fn take_last_said(&self) -> Option<Box<Unsent>> {
        self.0.said.take()
    }
}

/// Kinds of messages that the platform takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Progress.
    pub(crate) progress: bool,
    /// Entries of the log.
    pub(crate) log: bool,
}

/// Queue of the calls of one worker that have messages to send.
#[derive(Debug, Clone)]
pub(crate) struct Outlet(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    // Read by everything a call says, so that what is said in vain costs nothing else.
    progress: AtomicBool,
    log: AtomicBool,
    // Unbounded, but a call stands in it once at most, until what it said is taken.
    saying: mpsc::UnboundedSender<Context>,
}

impl Outlet {
    /// An outlet for nothing, and where the calls come out that have something to tell.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Context>) {
        let (saying, receiver) = mpsc::unbounded_channel();
        let shared = Shared { progress: AtomicBool::new(false), log: AtomicBool::new(false), saying };
        (Self(Arc::new(shared)), receiver)
    }

    /// From now on this is taken, and nothing else.
    pub(crate) fn want(&self, wanted: Wanted) {
        self.0.progress.store(wanted.progress, Ordering::Relaxed);
        self.0.log.store(wanted.log, Ordering::Relaxed);
    }

    /// The kinds of messages that are taken at present.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted { progress: self.0.progress.load(Ordering::Relaxed), log: self.0.log.load(Ordering::Relaxed) }
    }

    /// True if any kind of message is taken at present.
    pub(crate) fn is_open(&self) -> bool {
        self.wanted() != Wanted::default()
    }

    /// A call has something to tell.
    fn offer(&self, context: &Context) {
        // Nobody listens once the worker is gone.
        let _ = self.0.saying.send(context.clone());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::params::Params;
    use super::*;
    use platools_protocol::LogLevel;

    /// A call of whom that is wanted, and where it comes out.
    pub(in crate::tool) fn call(progress: bool, log: bool) -> (Context, Outlet, mpsc::UnboundedReceiver<Context>) {
        let (outlet, saying) = Outlet::new();
        outlet.want(Wanted { progress, log });
        (Context::reporting("c".into(), Params::from("{}".to_owned()), outlet.clone()), outlet, saying)
    }

    #[test]
    fn a_call_is_announced_once_whatever_it_says() {
        let (ctx, _outlet, mut saying) = call(true, true);
        ctx.progress(1.0).send();
        ctx.log(LogLevel::Info, "one");
        ctx.log(LogLevel::Info, "two");
        let announced = saying.try_recv().expect("there is something");
        assert!(saying.try_recv().is_err());
        let said = announced.take_said().expect("it is kept");
        assert_eq!((said.progress.map(|report| report.done), said.log.len()), (Some(1.0), 2));
        assert_eq!(announced.take_said(), None);
        ctx.log(LogLevel::Info, "three");
        assert!(saying.try_recv().is_ok());
    }

    #[test]
    fn nothing_is_kept_where_nobody_asks_or_when_the_call_is_over() {
        let (ctx, outlet, mut saying) = call(false, false);
        ctx.progress(1.0).send();
        ctx.log(LogLevel::Info, "one");
        assert!(saying.try_recv().is_err());
        outlet.want(Wanted { progress: false, log: true });
        ctx.progress(2.0).send();
        assert!(saying.try_recv().is_err());
        ctx.log(LogLevel::Info, "two");
        ctx.end();
        ctx.log(LogLevel::Info, "three");
        assert!(saying.try_recv().expect("it was offered in time").take_said().is_none());
        assert!(saying.try_recv().is_err());
        assert_eq!(ctx.take_last_said().expect("it was said before the end").log.len(), 1);
        assert!(ctx.take_last_said().is_none());
    }

    #[test]
    fn a_log_that_nobody_takes_is_bounded() {
        let (ctx, _outlet, _saying) = call(true, true);
        (0..100).for_each(|number| ctx.log(LogLevel::Debug, number.to_string()));
        let said = ctx.take_said().expect("it is kept");
        assert_eq!((said.log.len(), said.left_out, &*said.log[63].message), (64, 36, "63"));
        (0..100).for_each(|number| ctx.log(LogLevel::Debug, number.to_string()));
        ctx.log(LogLevel::Error, "what matters");
        let mut said = ctx.take_said().expect("it is kept");
        assert_eq!((said.log.len(), said.left_out, &*said.log[63].message), (64, 37, "what matters"));
        said.leave_out_log();
        assert_eq!((said.log.len(), said.left_out), (0, 101));
    }
}
