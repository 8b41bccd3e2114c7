//! Tools whose arguments are numbers of every width.

use std::num::{NonZeroI64, NonZeroU8, NonZeroU128, NonZeroUsize, Wrapping};
use std::sync::atomic::AtomicU32;

use crate::case::echoes;

echoes! {
    a_u8: u8, 255;
    an_i8: i8, (-128);
    a_u16: u16, 65_535;
    an_i16: i16, (-32_768);
    a_u32: u32, 4_294_967_295_u32;
    an_i32: i32, (-2_147_483_648);
    a_u64: u64, 9_007_199_254_740_991_u64;
    // Clients in JavaScript have no other form for these.
    a_largest_u64: u64, "18446744073709551615" => 18_446_744_073_709_551_615_u64;
    an_i64: i64, (-9_007_199_254_740_991_i64);
    a_smallest_i64: i64, "-9223372036854775808" => (i64::MIN);
    a_u128: u128, 170_141_183_460_u64;
    an_i128: i128, (-170_141_183_460_i64);
    a_usize: usize, 12;
    an_isize: isize, (-12);
    an_f32: f32, 0.25;
    a_tenth: f32, 0.1;
    an_f64: f64, (-1.5e-9);
    a_large_f64: f64, 1.797e308;
    a_whole_f64: f64, 30;
    a_nonzero_u8: NonZeroU8, 1;
    a_nonzero_i64: NonZeroI64, (-7);
    a_nonzero_u128: NonZeroU128, 7;
    a_nonzero_usize: NonZeroUsize, 7;
    a_wrapping: Wrapping<u32>, 7;
    an_atomic: AtomicU32, 7;
    whole_numbers_of_floats: Vec<i32>, [1.0, 2] => [1, 2];
}
