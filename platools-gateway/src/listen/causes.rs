//! What is behind an error, for the log.

use std::error::Error;

/// The causes of an error, outermost first; empty if there are none.
pub(super) fn causes_of(error: &dyn Error) -> String {
    let chain = std::iter::successors(error.source(), |&cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::error::{Error as CoreError, ErrorKind};

    #[test]
    fn every_cause_is_named() {
        let inner = CoreError::new(ErrorKind::Storage, "b").caused_by(std::io::Error::other("c"));
        assert_eq!(causes_of(&CoreError::new(ErrorKind::Storage, "a").caused_by(inner)), "b: c");
        assert_eq!(causes_of(&CoreError::new(ErrorKind::Storage, "a")), "");
    }
}
