//! [`catch`]: runs a part of a handler and turns a panic into [`Caught`], which becomes the error of the call. If callers may see it, the
//! error names the line that panicked.
//!
//! Only a panic hook learns that line. The first such call installs a hook that notes the line and then runs the program's own hook. A hook
//! that the program sets later replaces this hook, and then the line stays unknown.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::tool::{STACK_HEADING, ToolError, code, discard};

/// A panic that was caught.
pub(super) struct Caught {
    text: Option<String>,
    place: Option<PanicPlace>,
}

impl Caught {
    fn new(payload: Box<dyn Any + Send>, place: Option<PanicPlace>) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        discard(payload);
        Self { text, place }
    }

    /// The failure of the call. The text is in its message only if callers may read it; otherwise it is a cause, which is logged.
    pub(super) fn into_error(self, call_id: &str, is_exposed: bool) -> ToolError {
        let Self { text, place } = self;
        let (message, text) = match text {
            Some(text) if is_exposed => (format!("the tool panicked: {text}"), None),
            None if is_exposed => ("the tool panicked".to_owned(), None),
            text => (format!("the tool panicked; the log of its worker says why, at the call {call_id}"), text),
        };
        let error = ToolError::new(message).with_code(code::PANICKED);
        match (&place, &text) {
            (None, None) => error,
            _ => error.with_source(PanicCause { place, text }),
        }
    }
}

/// The place of a panic, and the stack if the environment asks for it (`RUST_BACKTRACE`).
#[derive(Debug)]
struct PanicPlace {
    place: String,
    stack: Option<String>,
}

/// The cause of the failure of a call that panicked: its place, if it is known, and its text, if the message does not have it.
///
/// `Debug` ends with the stack, as that of a report does.
struct PanicCause {
    place: Option<PanicPlace>,
    text: Option<String>,
}

impl fmt::Display for PanicCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.as_ref().map(|place| place.place.as_str());
        let parts: Vec<_> = place.into_iter().chain(self.text.as_deref()).collect();
        f.write_str(&parts.join(": "))
    }
}

impl fmt::Debug for PanicCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match self.place.as_ref().and_then(|place| place.stack.as_deref()) {
            Some(stack) => write!(f, "\n\n{STACK_HEADING}\n{stack}"),
            None => Ok(()),
        }
    }
}

impl Error for PanicCause {}

/// The wish of this thread for the place of a panic, and the place.
#[derive(Default)]
enum Note {
    #[default]
    Unwanted,
    Wanted,
    Taken(PanicPlace),
}

impl PanicPlace {
    fn of(panic: &PanicHookInfo<'_>) -> Self {
        let place = panic.location().map_or_else(|| "panicked".to_owned(), |place| format!("panicked at {place}"));
        let stack = Backtrace::capture();
        let stack = (stack.status() == BacktraceStatus::Captured).then(|| stack.to_string());
        Self { place, stack }
    }
}

thread_local! {
    static NOTE: RefCell<Note> = const { RefCell::new(Note::Unwanted) };
}

/// Runs a part of a handler, and catches its panic. The place is noted only if it `is_shown`.
///
/// The part may be the end of another one that was caught on another thread: that panic keeps its place.
pub(super) fn catch<R>(is_shown: bool, part: impl FnOnce() -> R) -> Result<R, Caught> {
    let before = is_shown.then(|| {
        install();
        NOTE.replace(Note::Wanted)
    });
    // Whatever the handler shared with the rest of the program may be left half done by a panic, just as by a panic of any
    // other task; nothing of this crate is.
    let ended = catch_unwind(AssertUnwindSafe(part));
    let place = before.and_then(|before| match NOTE.replace(before) {
        Note::Taken(place) => Some(place),
        Note::Unwanted | Note::Wanted => None,
    });
    ended.map_err(|payload| match payload.downcast::<Caught>() {
        Ok(caught) => *caught,
        Err(payload) => Caught::new(payload, place),
    })
}

/// Puts our hook before the one that is there.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            note(panic);
            before(panic);
        }));
    });
}

/// Notes the place of a panic, if this thread wants it. It must not panic itself.
fn note(panic: &PanicHookInfo<'_>) {
    let _ = NOTE.try_with(|note| {
        if let Ok(mut note) = note.try_borrow_mut()
            && !matches!(*note, Note::Unwanted)
        {
            *note = Note::Taken(PanicPlace::of(panic));
        }
    });
}
