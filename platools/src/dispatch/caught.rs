//! [`Caught`]: a panic of a handler, with its place in the source where the tool shows its errors.
//!
//! Only a panic hook learns the place. The first call of a tool that shows its errors puts one before the program's own hook, which runs as
//! before. A hook that the program sets later replaces it, and then no place is known.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::tool::{ToolError, code};

/// A panic that was caught.
pub(super) struct Caught {
    payload: Box<dyn Any + Send>,
    place: Option<PanicPlace>,
}

/// The place of a panic, and the stack if the environment asks for it (`RUST_BACKTRACE`).
#[derive(Debug)]
struct PanicPlace(String);

impl fmt::Display for PanicPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PanicPlace {}

impl From<Caught> for ToolError {
    fn from(Caught { payload, place }: Caught) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let message = match text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)) {
            Some(text) => format!("the tool panicked: {text}"),
            None => "the tool panicked".to_owned(),
        };
        let error = Self::new(message).with_code(code::PANICKED);
        match place {
            Some(place) => error.with_source(place),
            None => error,
        }
    }
}

/// Whether this thread notes the place of a panic, and the place.
#[derive(Default)]
enum Note {
    #[default]
    Unwanted,
    Wanted,
    Taken(PanicPlace),
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
        Err(payload) => Caught { payload, place },
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

impl PanicPlace {
    fn of(panic: &PanicHookInfo<'_>) -> Self {
        let place = panic.location().map_or_else(|| "panicked".to_owned(), |place| format!("panicked at {place}"));
        let stack = Backtrace::capture();
        Self(match stack.status() {
            BacktraceStatus::Captured => format!("{place}\n{stack}"),
            _ => place,
        })
    }
}
