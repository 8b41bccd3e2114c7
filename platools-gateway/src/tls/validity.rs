//! [`Validity`]: the times from and until which a certificate is valid.

use std::time::Duration;

use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::ports::time::rfc3339;

/// The span of time that is written in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: UnixTime,
    until: UnixTime,
}

impl Validity {
    /// The parser keeps the times to itself, but a verification that fails because of them names them: one at the beginning of
    /// time and one at the end of it.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let certificate = EndEntityCert::try_from(certificate)?;
        let (beginning, end) = (at(0), at(u64::MAX));
        let from = match verify(&certificate, beginning) {
            Error::CertNotValidYet { not_before, .. } => not_before,
            _ => beginning,
        };
        match verify(&certificate, end) {
            Error::CertExpired { not_after, .. } => Ok(Self { from, until: not_after }),
            error => Err(error),
        }
    }

    /// The present problem of the certificate, if there is one.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem_at(UnixTime::now())
    }

    fn problem_at(&self, now: UnixTime) -> Option<String> {
        if now < self.from {
            return Some(format!("is not valid before {}", rfc3339(ms(self.from))));
        }
        (now > self.until).then(|| format!("expired at {}", self.until()))
    }

    /// Time when it expires, in RFC 3339.
    pub(super) fn until(&self) -> String {
        rfc3339(ms(self.until))
    }
}

/// Verifies the certificate at a time. No authority is trusted here, so there is always an error, which names the problem.
fn verify(certificate: &EndEntityCert<'_>, time: UnixTime) -> Error {
    let verified = certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None);
    verified.err().unwrap_or(Error::UnknownIssuer)
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn ms(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::tls::TestCertificate;

    fn validity(from: i32, until: i32) -> Result<Validity, Error> {
        let identity = TestCertificate::valid("localhost", from, until);
        Validity::of(&CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap())
    }

    #[test]
    fn a_certificate_is_good_from_its_first_moment_to_its_last() {
        // 2026-01-01 and 2051-01-01: the second is written in another form, as every year from 2050 on.
        let validity = validity(2026, 2051).unwrap();
        let (first, last) = (1_767_225_600, 2_556_144_000);
        for (time, problem) in [
            (first - 1, Some("is not valid before 2026-01-01T00:00:00.000Z")),
            (first, None),
            (last, None),
            (last + 1, Some("expired at 2051-01-01T00:00:00.000Z")),
        ] {
            assert_eq!(validity.problem_at(at(time)).as_deref(), problem);
        }
        assert_eq!(validity.until(), "2051-01-01T00:00:00.000Z");
    }

    #[test]
    fn the_beginning_and_the_end_of_time_are_times_too() {
        assert_eq!(validity(1970, 9999).unwrap().problem(), None);
    }

    #[test]
    fn a_certificate_that_ends_before_it_begins_is_none() {
        assert_eq!(validity(2030, 2026).unwrap_err(), Error::InvalidCertValidity);
    }

    #[test]
    fn the_certificate_of_an_authority_has_times_too() {
        let certificate = CertificateDer::from(TestCertificate::authority("localhost"));
        assert_eq!(Validity::of(&certificate).unwrap().problem(), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_times() {
        Validity::of(&CertificateDer::from(vec![1, 2, 3])).unwrap_err();
    }
}
