//! Tools whose arguments are texts and other scalars of the standard library.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::case::echoes;

echoes! {
    a_string: String, "two\nlines, \"quotes\", 日本語 and 🎉";
    an_empty_string: String, "";
    a_cow: Cow<'static, str>, "a";
    an_arc_str: Arc<str>, "a";
    a_box_str: Box<str>, "a";
    a_char: char, "é";
    a_bool: bool, true;
    a_path: PathBuf, "/tmp/a b";
    an_ip: IpAddr, "::1";
    an_ipv4: Ipv4Addr, "127.0.0.1";
    an_ipv6: Ipv6Addr, "fe80::1";
    a_duration: Duration, {"secs": 1, "nanos": 500};
    a_time: SystemTime, {"secs_since_epoch": 1_700_000_000, "nanos_since_epoch": 5};
    a_range: Range<u32>, {"start": 1, "end": 3};
    an_inclusive_range: RangeInclusive<i8>, {"start": (-1), "end": 3};
    an_included_bound: Bound<u8>, {"Included": 3};
    an_unbounded_bound: Bound<u8>, "Unbounded";
    a_success: Result<u32, String>, {"Ok": 3};
    a_failure: Result<u32, String>, {"Err": "no"};
    a_unit: (), null;
    a_phantom: PhantomData<String>, null;
}
