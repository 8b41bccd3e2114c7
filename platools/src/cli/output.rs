//! [`print`]: prints the output of a command. [`exit_code`] makes its exit code.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Prints to standard output. The reader may close the pipe after a few lines, as `head` does.
pub(super) fn print(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints a text whose last line ends already.
pub(super) fn print_lines(text: impl Display) {
    let _ = write!(io::stdout().lock(), "{text}");
}

/// The exit code 0 for a good end, and 1 for a bad one.
pub(super) fn exit_code(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
