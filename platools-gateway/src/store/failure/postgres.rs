//! [`diagnose`]: reads from a SQLSTATE code of PostgreSQL why a statement failed, as a [`Diagnosis`]:
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use super::diagnosis::{Diagnosis, FAILED};

/// The meaning of a code of five characters, of which the first two are its class.
pub(super) fn diagnose(code: &str) -> Diagnosis {
    match code {
        // Lock not available, too many connections, idle in a transaction for too long.
        "55P03" | "53300" | "25P03" => Diagnosis::Busy,
        // Serialization failure, deadlock.
        "40001" | "40P01" => Diagnosis::Conflict,
        "57014" => Diagnosis::Interrupted,
        "53100" => Diagnosis::Database("the disk of the gateway's database is full"),
        "25006" => Diagnosis::Database(
            "the gateway's database is read-only; set `database.url` to the address of the primary server",
        ),
        "28P01" | "28000" => {
            Diagnosis::Database("the gateway's database refuses the user or the password; see the settings `database`")
        }
        "3D000" => Diagnosis::Database("the server has no such database; make it with `CREATE DATABASE`"),
        "57P01" | "57P02" | "57P03" => Diagnosis::Database("the gateway's database is stopping or starting"),
        // Connection, insufficient resources, operator intervention, system.
        code if ["08", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            Diagnosis::Database(FAILED)
        }
        _ => Diagnosis::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_statement_is_no_failure_of_the_database() {
        for code in ["23505", "22021", "42P01"] {
            assert_eq!(diagnose(code), Diagnosis::Statement, "{code}");
        }
        assert_eq!(diagnose("08006"), Diagnosis::Database(FAILED));
        assert_eq!(
            ["40001", "40P01", "55P03"].map(diagnose),
            [Diagnosis::Conflict, Diagnosis::Conflict, Diagnosis::Busy]
        );
    }
}
