//! The outside world as the services see it: [`clock`] reads the time.

pub(crate) mod clock;
