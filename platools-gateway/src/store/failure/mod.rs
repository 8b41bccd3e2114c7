//! [`storage_error`]: turns a failure of the database into an error for callers, which names the cause and the remedy.

mod diagnosis;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use std::time::Duration;

use sqlx::error::DatabaseError;

use diagnosis::{Diagnosis, FAILED};

use crate::domain::error::{Error, ErrorKind};
use crate::ports::store::{FailureExtent, StoreFailure};

/// The delay after which a busy database is tried again.
const SOON: Duration = Duration::from_secs(1);

/// The error for a failed access to the database.
pub(super) fn storage_error(error: &sqlx::Error) -> Error {
    let diagnosis = diagnose(error);
    let (message, extent) = match diagnosis {
        Diagnosis::Busy => ("the gateway's database is busy; try again", FailureExtent::Database),
        Diagnosis::Conflict => ("another change of the same data came first; try again", FailureExtent::Transaction),
        Diagnosis::Interrupted => (FAILED, FailureExtent::Database),
        Diagnosis::Database(message) => (message, FailureExtent::Database),
        Diagnosis::Statement => (FAILED, FailureExtent::Statement),
    };
    // The database's words, without those that the driver repeats around them.
    let text = error.as_database_error().map_or_else(|| error.to_string(), ToString::to_string);
    let told = Error::new(ErrorKind::Storage, message).caused_by(StoreFailure::new(text, extent));
    if matches!(diagnosis, Diagnosis::Busy | Diagnosis::Conflict) { told.retry_after(SOON) } else { told }
}

/// True if the deadline stopped the statement.
pub(super) fn is_interrupted(error: &sqlx::Error) -> bool {
    diagnose(error) == Diagnosis::Interrupted
}

/// True if the database ended the transaction in favor of another.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    diagnose(error) == Diagnosis::Conflict
}

fn diagnose(error: &sqlx::Error) -> Diagnosis {
    match error {
        sqlx::Error::Database(refused) => diagnose_code(&**refused),
        sqlx::Error::Encode(_) | sqlx::Error::RowNotFound | sqlx::Error::TypeNotFound { .. } => Diagnosis::Statement,
        sqlx::Error::PoolTimedOut => Diagnosis::Busy,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
            Diagnosis::Database("the gateway's database cannot be reached; see whether its server runs")
        }
        _ => Diagnosis::Database(FAILED),
    }
}

fn diagnose_code(refused: &dyn DatabaseError) -> Diagnosis {
    let code = refused.code().unwrap_or_default();
    #[cfg(feature = "postgres")]
    if refused.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return postgres::diagnose(&code);
    }
    sqlite::diagnose(&code)
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        storage_error(&error)
    }
}
