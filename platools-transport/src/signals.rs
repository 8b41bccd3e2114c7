//! [`StopSignals`]: waits for the signals that ask a process to stop.

use std::io;

/// SIGTERM and SIGINT; on Windows Ctrl-C, Ctrl-Break, the close of the console and the shutdown of the machine.
///
/// The process catches them from the creation of this value to its own end: the operating system no longer ends the process at them. Other receivers of the same signals in the process get them as well.
#[derive(Debug)]
pub struct StopSignals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    ctrl_break: tokio::signal::windows::CtrlBreak,
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
    #[cfg(windows)]
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(unix)]
impl StopSignals {
    /// Begins to catch them, in a Tokio runtime with I/O.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one. Cancel-safe.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(windows)]
impl StopSignals {
    /// Begins to catch them, in a Tokio runtime with I/O.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::windows;
        Ok(Self {
            ctrl_c: windows::ctrl_c()?,
            ctrl_break: windows::ctrl_break()?,
            close: windows::ctrl_close()?,
            shutdown: windows::ctrl_shutdown()?,
        })
    }

    /// Waits for the next one. Cancel-safe.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.ctrl_break.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }
}

#[cfg(not(any(unix, windows)))]
impl StopSignals {
    /// Fails: this operating system has no signals that Tokio knows.
    ///
    /// # Errors
    /// Always.
    pub fn listen() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits for ever.
    pub async fn next(&mut self) {
        std::future::pending().await
    }
}

/// The exit code that a shell reports of a program ended by an interrupt.
pub const INTERRUPTED: i32 = 130;

/// Ends the process at once, without its destructors: a second signal asks for exactly this.
#[expect(clippy::exit, reason = "the process was asked to end, and something keeps it from that")]
pub fn end_process(code: i32) -> ! {
    std::process::exit(code)
}
