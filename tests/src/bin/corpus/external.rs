//! Tools whose arguments have types of popular crates.

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use indexmap::{IndexMap, IndexSet};
use rust_decimal::Decimal;
use semver::Version;
use serde_json::{Map, Number, Value};
use url::Url;
use uuid::Uuid;

use crate::case::echoes;

echoes! {
    a_utc_time: DateTime<Utc>, "2026-02-28T23:59:59.123456789Z";
    an_offset_time: DateTime<FixedOffset>, "2026-02-28T23:59:59+05:30";
    a_date: NaiveDate, "2026-02-28";
    a_time_of_day: NaiveTime, "23:59:59";
    a_local_time: NaiveDateTime, "2026-02-28T23:59:59";
    a_weekday: Weekday, "Mon";
    a_time_delta: TimeDelta, [5, 7];
    maybe_a_time: Option<DateTime<Utc>>, "2026-02-28T23:59:59Z";
    a_uuid: Uuid, "67e55044-10b1-426f-9247-bb680e5fe0c8";
    a_url: Url, "https://example.com/a?b=c#d";
    some_urls: Vec<Url>, ["https://example.com/"];
    a_decimal: Decimal, "12.50";
    a_version: Version, "1.2.3-rc.1+build.5";
    some_bytes: Bytes, [0, 255];
    an_index_map: IndexMap<String, u8>, {"b": 1, "a": 2};
    an_index_set: IndexSet<String>, ["b", "a"];
    a_value: Value, {"a": [1, null, "x", {"b": true}]};
    a_null_value: Value, null;
    an_object: Map<String, Value>, {"a": {"b": 1}};
    a_number: Number, 1.5;
    some_values: Vec<Value>, [1, "a", null];
    a_map_of_values: std::collections::BTreeMap<String, Value>, {"a": 1, "b": null};
}
