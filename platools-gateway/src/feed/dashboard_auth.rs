//! [`DashboardAuth`]: the trait for an application that accepts dashboards with tokens of its own. `jwt_auth` implements it for JSON Web
//! Tokens.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::background::log_limit::LogLimit;
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::domain::lock::lock;
use crate::domain::project::ProjectName;

/// The longest time for one check, with the wait for a permit.
const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// Checks under way at once. Any client can begin one, with any text as its token.
const MAX_CHECKS: usize = 256;

/// The wait before a dashboard may try again after a check failed.
const SOON: Duration = Duration::from_secs(5);

/// The shortest time between two log lines about checks that failed.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// An error of an application, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Checks the tokens that an application gives to its users, so that they can watch their agents with them.
///
/// The gateway asks it about every dashboard's token that the gateway did not sign. The answer opens the live feed of the agents that the
/// user owns, and nothing else. [`JwtAuth`](super::JwtAuth) is the implementation for JSON Web Tokens; closures
/// implement the trait, too:
///
/// ```
/// use std::sync::Arc;
///
/// use platools_gateway::Gateway;
/// use platools_gateway::feed::{BoxError, DashboardRequest, DashboardUser};
/// use secrecy::ExposeSecret;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), platools_gateway::Error> {
/// let sessions = Arc::new(std::collections::HashMap::from([("session-1", "user-7")]));
/// let auth = move |request: DashboardRequest| {
///     let sessions = Arc::clone(&sessions);
///     async move {
///         let user = sessions.get(request.token.expose_secret());
///         Ok::<_, BoxError>(user.map(|user| DashboardUser::new(*user)))
///     }
/// };
/// let gateway = Gateway::builder().dashboard_auth(Arc::new(auth)).start().await?;
/// # gateway.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub trait DashboardAuth: Send + Sync {
    /// Finds the user of a token; `None` if the token is not good, which counts as a failed attempt of its address.
    ///
    /// Runs in a task of its own, for at most ten seconds.
    ///
    /// # Errors
    /// The token cannot be checked now, as after a panic or ten seconds. The dashboard is refused with 503 and may try again, and the log has
    /// the error without the token.
    fn check(&self, request: DashboardRequest) -> BoxFuture<'_, Result<Option<DashboardUser>, BoxError>>;
}

impl<C, F> DashboardAuth for C
where
    C: Fn(DashboardRequest) -> F + Send + Sync,
    F: Future<Output = Result<Option<DashboardUser>, BoxError>> + Send + 'static,
{
    fn check(&self, request: DashboardRequest) -> BoxFuture<'_, Result<Option<DashboardUser>, BoxError>> {
        Box::pin(self(request))
    }
}

impl fmt::Debug for dyn DashboardAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DashboardAuth")
    }
}

/// A dashboard that wants to watch an agent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DashboardRequest {
    /// The token of its URL.
    pub token: SecretString,
    /// The agent as the URL names it, by slug or id; it need not exist.
    pub agent: String,
}

impl DashboardRequest {
    /// A request with that token for that agent.
    #[must_use]
    pub fn new(token: SecretString, agent: impl Into<String>) -> Self {
        Self { token, agent: agent.into() }
    }
}

/// A user of the application, who may watch the agents that have this user as their `owner`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DashboardUser {
    /// The user's id, as the `owner` of an agent has it.
    pub user_id: String,
    /// The end of the user's connections, with the close code 4001. Default: none.
    pub expires_at: Option<SystemTime>,
    /// The project of the user's agents. Default: the one that every gateway has, default/default.
    pub project: Option<ProjectName>,
}

impl DashboardUser {
    /// A user of the default project whose connections have no end.
    #[must_use]
    pub fn new(user_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), expires_at: None, project: None }
    }

    /// Ends the user's connections at that time.
    #[must_use]
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Places the user in that project.
    #[must_use]
    pub fn project(mut self, project: ProjectName) -> Self {
        self.project = Some(project);
        self
    }
}

/// Runs the checks of one [`DashboardAuth`] within bounds.
#[derive(Debug)]
pub(crate) struct AuthChecks {
    auth: Arc<dyn DashboardAuth>,
    permits: Semaphore,
    logged: Mutex<LogLimit>,
}

impl AuthChecks {
    pub(crate) fn new(auth: Arc<dyn DashboardAuth>) -> Self {
        Self { auth, permits: Semaphore::new(MAX_CHECKS), logged: Mutex::default() }
    }

    /// Finds the user of a token; `None` if the token is not good.
    ///
    /// # Errors
    /// The check failed, panicked or took too long. The error says nothing of the reason, which is in the log.
    pub(super) async fn run(&self, request: DashboardRequest) -> Result<Option<DashboardUser>, Error> {
        let token = request.token.clone();
        let checked = timeout(CHECK_LIMIT, self.checked(request)).await;
        let checked = checked.unwrap_or_else(|_| Err(format!("the check took longer than {CHECK_LIMIT:?}").into()));
        checked.map_err(|error| {
            self.log(&*error, &token);
            unavailable()
        })
    }

    async fn checked(&self, request: DashboardRequest) -> Result<Option<DashboardUser>, BoxError> {
        let _permit = self.permits.acquire().await?;
        let auth = Arc::clone(&self.auth);
        // A task of its own may panic. It ends with the request.
        let check = AbortOnDropHandle::new(tokio::spawn(async move { auth.check(request).await }));
        // The words of a panic may have the token in them; the panic hook has printed them already.
        check.await.map_err(|_| "the check panicked")?
    }

    /// Logs an error of the application, which may repeat the token.
    fn log(&self, error: &(dyn std::error::Error + 'static), token: &SecretString) {
        if !lock(&self.logged).admits(LOG_INTERVAL) {
            return;
        }
        let hide = |text: String| text.replace(token.expose_secret(), "...");
        let (error, causes) = (hide(error.to_string()), hide(causes_of(error)));
        tracing::error!(%error, %causes, "token of a dashboard not checked");
    }
}

/// The refusal of a dashboard whose token could not be checked.
pub(super) fn unavailable() -> Error {
    Error::new(ErrorKind::Overloaded, "the token could not be checked; try again later").retry_after(SOON)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn request() -> DashboardRequest {
        DashboardRequest::new("a token".to_owned().into(), "trader")
    }

    async fn checked<F>(check: impl Fn(DashboardRequest) -> F + Send + Sync + 'static) -> Result<Option<String>, String>
    where
        F: Future<Output = Result<Option<DashboardUser>, BoxError>> + Send + 'static,
    {
        let checks = AuthChecks::new(Arc::new(check));
        let user = checks.run(request()).await.map_err(|error| error.to_string())?;
        Ok(user.map(|user| user.user_id))
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_fails_panics_or_hangs_refuses_without_a_reason() {
        let refused = Err("the token could not be checked; try again later".to_owned());
        assert_eq!(checked(|_| async { Err("a token is in the words of the error".into()) }).await, refused);
        assert_eq!(checked(|_| async { panic!("a panic of the application") }).await, refused);
        assert_eq!(checked(|_| -> BoxFuture<'static, _> { panic!("before the future") }).await, refused);
        assert_eq!(checked(|_| std::future::pending()).await, refused);
        assert_eq!(checked(|_| async { Ok(None) }).await, Ok(None));
        let user = checked(|asked| async { Ok(Some(DashboardUser::new(asked.agent))) }).await;
        assert_eq!(user, Ok(Some("trader".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn checks_beyond_the_bound_wait_and_are_refused_in_time() {
        let checks = Arc::new(AuthChecks::new(Arc::new(|_| std::future::pending())));
        let run = |checks: Arc<AuthChecks>| tokio::spawn(async move { checks.run(request()).await.is_err() });
        let runs: Vec<_> = (0..=MAX_CHECKS).map(|_| run(Arc::clone(&checks))).collect();
        // The paused clock moves on when every run has done what it can.
        sleep(Duration::from_millis(1)).await;
        assert_eq!(checks.permits.available_permits(), 0);
        sleep(CHECK_LIMIT).await;
        for ended in runs {
            assert!(ended.await.unwrap());
        }
        assert_eq!(checks.permits.available_permits(), MAX_CHECKS);
    }
}
