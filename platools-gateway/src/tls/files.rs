//! [`Files`]: reads and checks the files with the gateway's certificate and its private key.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use super::certificates::config;
use super::validity::Validity;
use crate::domain::error::{Error, ErrorKind};
use crate::ports::secret_file::is_open_to_all;

/// No certificate or key comes near it, but a path may lead to something else.
const MAX_BYTES: u64 = 1024 * 1024;

/// Paths of a certificate and its private key.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Contents of both files.
struct Contents {
    chain_pem: Vec<u8>,
    key_pem: Vec<u8>,
    digest: [u8; 32],
}

/// A certificate and the key that belongs to it.
pub(super) struct Pair {
    pub(super) config: Arc<ServerConfig>,
    pub(super) validity: Validity,
    /// A hash of both files, to notice changes.
    pub(super) digest: [u8; 32],
}

impl Files {
    pub(crate) fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key }
    }

    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Reads both and checks that they can be used, also that the certificate is valid now.
    ///
    /// # Errors
    /// Like [`Files::read`], and if the certificate is not valid yet or not any more.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let pair = self.read()?;
        self.warn_of_open_key();
        self.check_time(&pair)
    }

    /// Reads both and checks that they belong together. Whether the certificate is valid now is another question.
    ///
    /// No error shows what is in the files, because the key may be in either.
    ///
    /// # Errors
    /// A file cannot be read or is not what it should be, or the key is another certificate's.
    pub(super) fn read(&self) -> Result<Pair, Error> {
        self.parse(&self.contents()?)
    }

    /// Reads both files as [`Files::read`] does, unless they still have that digest.
    pub(super) fn read_unless(&self, known: &[u8; 32]) -> Result<Option<Pair>, Error> {
        let contents = self.contents()?;
        if contents.digest == *known { Ok(None) } else { self.parse(&contents).map(Some) }
    }

    fn contents(&self) -> Result<Contents, Error> {
        let chain_pem =
            read(&self.certificate).map_err(|error| self.certificate_that("cannot be read").caused_by(error))?;
        let key_pem = read(&self.key).map_err(|error| self.key_that("cannot be read").caused_by(error))?;
        let digest = digest(&chain_pem, &key_pem);
        Ok(Contents { chain_pem, key_pem, digest })
    }

    fn parse(&self, Contents { chain_pem, key_pem, digest }: &Contents) -> Result<Pair, Error> {
        let chain = self.chain(chain_pem)?;
        let validity =
            Validity::of(&chain[0]).map_err(|error| self.certificate_that("cannot be used").caused_by(error))?;
        let config = config(chain, self.private_key(key_pem)?).map_err(|error| self.unfit(error))?;
        Ok(Pair { config, validity, digest: *digest })
    }

    /// # Errors
    /// The certificate is not valid yet or not any more.
    pub(super) fn check_time(&self, pair: &Pair) -> Result<(), Error> {
        pair.validity.problem().map_or(Ok(()), |problem| Err(self.certificate_that(&problem)))
    }

    /// Logs a warning if every user of this machine can read the key.
    pub(super) fn warn_of_open_key(&self) {
        if is_open_to_all(&self.key) {
            let key = self.key.display();
            tracing::warn!(%key, "every user of the machine can read the TLS key; change that with `chmod o-r`");
        }
    }

    /// The certificates of a file, of which there is at least one.
    fn chain(&self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| self.certificate_that("is malformed PEM"))?;
        if chain.is_empty() {
            return Err(self.certificate_that("has no CERTIFICATE section; it must be PEM"));
        }
        Ok(chain)
    }

    fn private_key(&self, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
        PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                self.key_that("has no PRIVATE KEY section; it must be PEM, without a passphrase")
            }
            // These quote the line that they are about.
            _ => self.key_that("is malformed PEM"),
        })
    }

    fn unfit(&self, error: rustls::Error) -> Error {
        let certificate = self.certificate.display();
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => self.key_that(&format!(
                "does not belong to the first certificate in {certificate}; a certificate's own comes before those of its \
                 issuers"
            )),
            error => self.key_that(&format!("cannot be used with {certificate}")).caused_by(error),
        }
    }

    fn certificate_that(&self, problem: &str) -> Error {
        Error::new(ErrorKind::Listen, format!("the TLS certificate {} {problem}", self.certificate.display()))
    }

    fn key_that(&self, problem: &str) -> Error {
        Error::new(ErrorKind::Listen, format!("the TLS key {} {problem}", self.key.display()))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before it is opened, because opening a pipe waits for whoever writes to it.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it has more than 1 MiB"));
    }
    Ok(bytes)
}

/// Hashes each file by itself, so that a byte that moves from one to the other is noticed.
fn digest(chain: &[u8], key: &[u8]) -> [u8; 32] {
    let mut both = Sha256::new();
    both.update(Sha256::digest(chain));
    both.update(Sha256::digest(key));
    both.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::TestCertificate;

    /// The error text for a pair of files, with its causes, as it is shown for debugging.
    fn problem(certificate: &str, key: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let identity = TestCertificate { certificate: certificate.to_owned(), key: key.to_owned() };
        let Err(error) = identity.write(folder.path()).check() else { panic!("it is accepted") };
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause} ({error:?})")
    }

    #[test]
    fn what_is_wrong_with_a_pair_is_said_with_its_file() {
        let (ours, theirs) = (TestCertificate::new("localhost"), TestCertificate::new("localhost"));
        let encrypted = ours.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let noise = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let half = &ours.certificate[..ours.certificate.len() / 2];
        for (certificate, key, part) in [
            ("", &*ours.key, "certificate.pem has no CERTIFICATE section"),
            (&ours.key, &ours.certificate, "certificate.pem has no CERTIFICATE section"),
            (half, &ours.key, "certificate.pem is malformed PEM"),
            (noise, &ours.key, "certificate.pem cannot be used"),
            (&ours.certificate, "", "key.pem has no PRIVATE KEY section; it must be PEM, without a passphrase"),
            (&ours.certificate, &encrypted, "key.pem has no PRIVATE KEY section"),
            (&ours.certificate, &ours.key[..100], "key.pem is malformed PEM"),
            (&ours.certificate, no_key, "key.pem cannot be used with "),
            (&ours.certificate, &theirs.key, "key.pem does not belong to the first certificate in "),
        ] {
            let problem = problem(certificate, key);
            assert!(problem.contains(part), "{part}: {problem}");
        }
    }

    #[test]
    fn a_key_whose_lines_were_lost_is_not_shown() {
        let ours = TestCertificate::new("localhost");
        let one_line = ours.key.replace('\n', "");
        let secret = ours.key.lines().nth(1).unwrap();
        let as_bytes = format!("{:?}", secret.as_bytes());
        for (certificate, key) in [(&*ours.certificate, &*one_line), (&one_line, &ours.key)] {
            let problem = problem(certificate, key);
            assert!(!problem.contains(secret), "{problem}");
            assert!(!problem.contains(as_bytes.trim_matches(['[', ']'])), "{problem}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_valid_now_can_be_read_but_fails_the_check() {
        let folder = tempfile::tempdir().unwrap();
        for (from, until, part) in
            [(2001, 2002, "expired at 2002-01-01T00:00:00.000Z"), (2080, 2090, "is not valid before 2080-01-01")]
        {
            let files = TestCertificate::valid("localhost", from, until).write(folder.path());
            assert!(files.read().is_ok());
            let error = files.check().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_file_may_have_both() {
        let ours = TestCertificate::new("localhost");
        let both = format!("{}{}", ours.key, ours.certificate);
        let folder = tempfile::tempdir().unwrap();
        TestCertificate { certificate: both.clone(), key: both }.write(folder.path()).check().unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = TestCertificate::new("localhost").write(folder.path());
        let nowhere = folder.path().join("nowhere");
        for (files, part) in [
            (Files::new(nowhere.clone(), files.key.clone()), "the TLS certificate "),
            (Files::new(files.certificate.clone(), nowhere), "the TLS key "),
            (Files::new(folder.path().to_owned(), files.key.clone()), "the TLS certificate "),
        ] {
            let error = files.check().unwrap_err().to_string();
            assert!(error.starts_with(part) && error.ends_with(" cannot be read"), "{error}");
        }
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        std::fs::write(&path, vec![b'\n'; usize::try_from(MAX_BYTES).unwrap() + 1]).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it has more than 1 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_open_if_everybody_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let files = TestCertificate::new("localhost").write(folder.path());
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_all(&files.key), open, "{mode:o}");
        }
    }
}
