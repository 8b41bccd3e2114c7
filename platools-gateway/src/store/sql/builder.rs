//! [`SqlBuilder`]: builds a statement from parts, for queries with optional conditions.

use std::fmt::{Display, Write as _};

use super::statement::{Statement, Value, dynamic};

/// A statement in parts.
#[derive(Debug)]
pub(in crate::store) struct SqlBuilder {
    sql: String,
    values: Vec<Value<'static>>,
}

impl SqlBuilder {
    /// A statement that begins so.
    pub(in crate::store) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    /// Adds text of the program. It must not have values in it.
    pub(in crate::store) fn push(&mut self, sql: impl Display) -> &mut Self {
        // Writing into a string cannot fail.
        let _ = write!(self.sql, "{sql}");
        self
    }

    /// Adds a parameter with its value.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value<'static>>) -> &mut Self {
        self.values.push(value.into());
        let number = self.values.len();
        self.push(format_args!("${number}"))
    }

    /// Adds a list of parameters in parentheses.
    pub(in crate::store) fn push_list(&mut self, values: impl IntoIterator<Item = String>) -> &mut Self {
        let mut before = "(";
        for value in values {
            self.push(before).push_bind(value);
            before = ", ";
        }
        // No value is in a list without any.
        if before == "(" { self.push("(NULL)") } else { self.push(")") }
    }

    /// The text so far.
    #[cfg(test)]
    pub(in crate::store) fn sql(&self) -> &str {
        &self.sql
    }

    /// The statement.
    pub(in crate::store) fn build(self) -> Statement<'static> {
        dynamic(self.sql).with(self.values)
    }
}
