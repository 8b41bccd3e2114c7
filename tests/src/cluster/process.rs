//! [`Signal`]: sends signals to processes of a test, and to all processes below one.

use std::fs;
use std::process::Command;

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Asks the process to stop.
    Terminate,
    /// Has PostgreSQL end at once, and remove its shared memory.
    Quit,
    /// Has PostgreSQL end its connections and stop.
    Interrupt,
    Stop,
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Quit => "QUIT",
            Self::Interrupt => "INT",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }

    /// Sends the signal to a process that runs.
    pub(super) fn send(self, process: u32) {
        let sent = Command::new("kill").args(["-s", self.name(), &process.to_string()]).output();
        assert!(sent.is_ok_and(|sent| sent.status.success()), "no {} to process {process}", self.name());
    }

    /// Sends the signal to a process, and then to those that it has started, some of which may have ended.
    pub(super) fn send_to_all(self, process: u32) {
        self.send(process);
        for child in children(process) {
            let _ = Command::new("kill").args(["-s", self.name(), &child.to_string()]).output();
        }
    }
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("a system with /proc");
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| parent(*number) == Some(process)).collect()
}

/// The process that started a process: the second field behind the name, which is in parentheses.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
