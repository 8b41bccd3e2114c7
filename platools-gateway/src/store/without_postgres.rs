//! [`SqlStore::connect`] in a program that is built without the feature `postgres`: it returns an error that says so.

use std::path::Path;

use super::SqlStore;
use crate::domain::database::{PostgresServer, UpgradedDatabase};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::GatewayNumber;

impl SqlStore {
    pub(crate) async fn connect(_: &PostgresServer) -> Result<Self, Error> {
        Err(unavailable())
    }

    pub(crate) async fn connect_existing(_: &PostgresServer) -> Result<Self, Error> {
        Err(unavailable())
    }
}

/// A lock that nothing can have.
#[derive(Debug)]
pub(crate) enum NoDatabaseLock {}

impl NoDatabaseLock {
    pub(crate) async fn check(&mut self) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) async fn check_with_others(&mut self, _: bool) -> Result<bool, Error> {
        match *self {}
    }

    pub(crate) async fn retake(&mut self) -> Result<(), Error> {
        match *self {}
    }
}

pub(crate) async fn lock_database(_: &PostgresServer, _: GatewayNumber) -> Result<NoDatabaseLock, Error> {
    Err(unavailable())
}

pub(crate) async fn upgrade(_: &PostgresServer) -> Result<Option<UpgradedDatabase>, Error> {
    Err(unavailable())
}

pub(crate) async fn copy_to_database(_: &Path, _: &PostgresServer) -> Result<(), Error> {
    Err(unavailable())
}

fn unavailable() -> Error {
    let message =
        "this gateway was built without the feature `postgres`; build it with that feature, or take `database.url` out";
    Error::new(ErrorKind::NotConfigured, message)
}
