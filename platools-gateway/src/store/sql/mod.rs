//! [`Statement`]: SQL with its values, which runs on SQLite and on PostgreSQL.
//!
//! [`query`] makes one of a text, [`SqlBuilder`] of parts. It runs over a [`Pool`], or over the [`SqlConnection`] of a [`Transaction`], and
//! returns rows as [`Row`]. The text keeps to SQL that both databases understand: numbered parameters, text, 64-bit integers,
//! `ON CONFLICT`. Where they differ, a caller asks for the [`Dialect`].

mod builder;
mod connection;
mod row;
mod statement;

pub(super) use builder::SqlBuilder;
pub(super) use connection::{Dialect, Pool, SqlConnection, Transaction};
pub(super) use row::Row;
pub(super) use statement::{Statement, dynamic, query};
