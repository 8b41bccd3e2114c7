//! [`saturating_i64`]: converts a number to `i64`, the database's type. A larger number becomes the largest `i64`.

/// The number, or the largest `i64` for a larger one.
pub(crate) fn saturating_i64(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
