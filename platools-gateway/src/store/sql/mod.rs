//! [`Statement`]: SQL with its values, which runs on SQLite and on PostgreSQL.
//!
//! [`query`] makes a statement from one text, and [`SqlBuilder`] makes one from parts. A statement runs over a [`Pool`], or over the
//! [`SqlConnection`] of a [`Transaction`], and returns rows as [`Row`]. Its text keeps to SQL that both databases understand: numbered
//! parameters, text, 64-bit integers, `ON CONFLICT`. Where the databases differ, the caller asks for the [`Dialect`].

mod builder;
mod connection;
mod row;
mod statement;

pub(super) use builder::SqlBuilder;
pub(super) use connection::{Dialect, Pool, SqlConnection, Transaction};
pub(super) use row::Row;
pub(super) use statement::{Statement, dynamic, query};
