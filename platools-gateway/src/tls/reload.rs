//! [`Reload`]: the task that reads the gateway's certificate again when its files change.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::task::AbortOnDropHandle;

use super::certificates::Certificates;
use super::files::{Files, Pair};
use super::validity::Validity;
use crate::background::tasks::Tasks;
use crate::domain::error::{Error, ErrorKind};

/// The interval between two readings of the files. They are read, not only asked for their times: those stay the same when links are
/// swapped, and reading a few kilobytes costs nothing.
const EVERY: Duration = Duration::from_secs(3);

/// The time to wait when the files do not fit together, because they are seldom replaced at the same moment.
const SETTLING: Duration = Duration::from_secs(1);

/// Keeps the certificate in use up to date.
pub(crate) struct Keeper {
    files: Files,
    current: watch::Sender<Arc<ServerConfig>>,
    digest: [u8; 32],
    validity: Validity,
    /// The last problem that was logged, so that it is logged once.
    told: Option<String>,
}

/// Outcome of a reading of the files.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The files have the certificate that is in use.
    Same,
    /// The files have another certificate, which is in use from now on.
    Replaced,
    /// The files have no certificate that can be used.
    Broken(String),
}

/// Looks at the files until it is dropped.
#[derive(Debug)]
pub(crate) struct Reload {
    asked: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

impl Reload {
    pub(crate) fn start(keeper: Keeper, tasks: &Tasks) -> Self {
        let (asked, keeper) = (Arc::new(Notify::new()), Arc::new(Mutex::new(keeper)));
        let begin = {
            let asked = Arc::clone(&asked);
            move || {
                let (asked, keeper) = (Arc::clone(&asked), Arc::clone(&keeper));
                async move { keeper.lock().await.keep(&asked).await }
            }
        };
        Self { asked, _task: tasks.keep("certificate", begin) }
    }

    /// Asks the task to read the files now.
    pub(crate) fn ask(&self) {
        self.asked.notify_one();
    }
}

impl Keeper {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// The certificate or the key cannot be used. A certificate that is not valid now can: clients see that for
    /// themselves, and a gateway that does not start would be worse.
    pub(crate) fn open(files: Files) -> Result<Self, Error> {
        let pair = files.read()?;
        files.warn_of_open_key();
        let (current, _) = watch::channel(pair.config);
        let mut keeper = Self { files, current, digest: pair.digest, validity: pair.validity, told: None };
        tracing::info!(certificate = %keeper.files.certificate().display(), expires = keeper.validity.until(), "TLS is on");
        keeper.tell(Outcome::Same, false);
        Ok(keeper)
    }

    pub(crate) fn certificates(&self) -> Certificates {
        Certificates::new(self.current.subscribe())
    }

    async fn keep(&mut self, asked: &Notify) {
        loop {
            let was_asked = timeout(EVERY, asked.notified()).await.is_ok();
            let outcome = self.look().await;
            self.tell(outcome, was_asked);
        }
    }

    async fn look(&mut self) -> Outcome {
        let mut read = self.read().await;
        if read.is_err() && self.told.is_none() {
            sleep(SETTLING).await;
            read = self.read().await;
        }
        self.take(read)
    }

    /// Reads the files; returns the pair if it is new.
    async fn read(&self) -> Result<Option<Pair>, Error> {
        let (files, known) = (self.files.clone(), self.digest);
        // On a thread that may wait for a disk.
        let read = tokio::task::spawn_blocking(move || files.read_unless(&known)).await;
        read.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Listen, "the certificate could not be read to its end").caused_by(error))
        })
    }

    /// Uses what is new, if it can be used. A certificate that is not valid now is no better than the one there
    /// is.
    fn take(&mut self, read: Result<Option<Pair>, Error>) -> Outcome {
        let fresh = match read {
            Ok(None) => return Outcome::Same,
            Ok(Some(pair)) => self.files.check_time(&pair).map(|()| pair),
            Err(error) => Err(error),
        };
        match fresh {
            Ok(pair) => {
                (self.digest, self.validity) = (pair.digest, pair.validity);
                self.current.send_replace(pair.config);
                Outcome::Replaced
            }
            Err(error) => Outcome::Broken(with_cause(&error)),
        }
    }

    /// Logs a change of the certificate; after a request to reload, also that nothing changed.
    fn tell(&mut self, outcome: Outcome, was_asked: bool) {
        let (certificate, expires) = (self.files.certificate().display().to_string(), self.validity.until());
        match (outcome, self.validity.problem()) {
            (Outcome::Replaced, _) => {
                self.told = None;
                tracing::info!(certificate, expires, "TLS certificate replaced");
                self.files.warn_of_open_key();
            }
            (Outcome::Broken(problem), _) => {
                if self.is_news(problem.clone()) || was_asked {
                    tracing::error!(problem, "TLS certificate not replaced: its files cannot be used");
                }
            }
            (Outcome::Same, Some(problem)) => {
                if self.is_news(problem.clone()) || was_asked {
                    tracing::warn!(certificate, problem, "TLS certificate in use is not valid; replace its files");
                }
            }
            (Outcome::Same, None) => {
                if self.told.take().is_some() || was_asked {
                    tracing::info!(certificate, expires, "TLS certificate in use is the one in its files again");
                }
            }
        }
    }

    /// Remembers a problem; true if it is not the last one that was logged.
    fn is_news(&mut self, problem: String) -> bool {
        let before = self.told.replace(problem);
        before != self.told
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("files", &self.files).finish_non_exhaustive()
    }
}

fn with_cause(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::tls::TestCertificate;

    fn keeper(folder: &Path) -> Keeper {
        Keeper::open(TestCertificate::new("localhost").write(folder)).unwrap()
    }

    /// A configuration by which certificates can be told apart.
    fn in_use(keeper: &Keeper) -> *const ServerConfig {
        Arc::as_ptr(&keeper.current.borrow())
    }

    /// Puts a file where another is, as tools do that care.
    fn rename_over(path: &Path, text: &str) {
        let fresh = path.with_extension("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, path).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn files_that_were_replaced_are_noticed_without_anybody_asking() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path());
        let mut current = keeper.current.subscribe();
        let _reload = Reload::start(keeper, &Tasks::default());
        for _ in 0..2 {
            let fresh = TestCertificate::new("localhost");
            rename_over(&folder.path().join("key.pem"), &fresh.key);
            rename_over(&folder.path().join("certificate.pem"), &fresh.certificate);
            timeout(EVERY * 3, current.changed()).await.expect("in time").unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_does_not_wait_for_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path());
        let mut current = keeper.current.subscribe();
        let reload = Reload::start(keeper, &Tasks::default());
        TestCertificate::new("localhost").write(folder.path());
        reload.ask();
        timeout(EVERY / 2, current.changed()).await.expect("at once").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn files_of_different_pairs_have_a_moment_to_fit() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        let fresh = TestCertificate::new("localhost");
        std::fs::write(folder.path().join("key.pem"), &fresh.key).unwrap();
        let the_other = async {
            sleep(SETTLING / 2).await;
            std::fs::write(folder.path().join("certificate.pem"), &fresh.certificate).unwrap();
        };
        let (outcome, ()) = tokio::join!(keeper.look(), the_other);
        assert_eq!(outcome, Outcome::Replaced);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_used_changes_nothing_and_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        let first = in_use(&keeper);
        let certificate = folder.path().join("certificate.pem");
        let good = std::fs::read_to_string(&certificate).unwrap();
        let other = TestCertificate::new("localhost").certificate;
        let mut problems = Vec::new();
        for bad in [&good[..good.len() / 2], "", &other] {
            std::fs::write(&certificate, bad).unwrap();
            let Outcome::Broken(problem) = keeper.look().await else { panic!("it was used: {bad}") };
            assert!(keeper.is_news(problem.clone()));
            assert!(!keeper.is_news(problem.clone()));
            problems.push(problem);
        }
        for (problem, part) in problems.iter().zip(["is malformed PEM", "has no CERTIFICATE", "does not belong to"]) {
            assert!(problem.contains(part), "{problem}");
        }
        assert_eq!(in_use(&keeper), first);

        std::fs::write(&certificate, good).unwrap();
        let outcome = keeper.look().await;
        assert_eq!(outcome, Outcome::Same);
        keeper.tell(outcome, false);
        assert_eq!(keeper.told, None, "the next problem is news");
    }

    #[tokio::test(start_paused = true)]
    async fn a_certificate_that_expired_does_not_replace_one_but_is_enough_to_start_with() {
        let folder = tempfile::tempdir().unwrap();
        let expired = TestCertificate::valid("localhost", 2001, 2002);
        let files = expired.write(folder.path());
        let keeper_of_expired = Keeper::open(files).unwrap();
        assert!(keeper_of_expired.told.unwrap().contains("expired at 2002"));

        let mut keeper = keeper(folder.path());
        expired.write(folder.path());
        let Outcome::Broken(problem) = keeper.look().await else { panic!("it was used") };
        assert!(problem.contains("expired at 2002"), "{problem}");
    }

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_folder_that_is_swapped_by_its_link_is_noticed() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut files = Vec::new();
        for name in ["first", "second"] {
            std::fs::create_dir(path(name)).unwrap();
            files.push(TestCertificate::new("localhost").write(&path(name)));
        }
        symlink("first", path("current")).unwrap();
        for name in ["certificate.pem", "key.pem"] {
            symlink(Path::new("current").join(name), path(name)).unwrap();
        }
        let mut keeper = Keeper::open(Files::new(path("certificate.pem"), path("key.pem"))).unwrap();
        assert_eq!(keeper.look().await, Outcome::Same);
        symlink("second", path("fresh")).unwrap();
        std::fs::rename(path("fresh"), path("current")).unwrap();
        assert_eq!(keeper.look().await, Outcome::Replaced);
        assert_eq!(keeper.digest, files[1].read().unwrap().digest);
    }
}
