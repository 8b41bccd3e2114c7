//! The outside world as the services see it: [`clock`] reads the time, [`time`] writes it, [`call_observer`] is told of calls, and
//! [`secret_file`] tells whether every user can read a file.

pub mod call_observer;
pub(crate) mod clock;
pub(crate) mod secret_file;
pub mod time;
