//! Tests of the decoding of arguments.

use std::ops::Bound as End;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::problem::Problems;
use super::*;
use crate::tool::ToolError;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Filter {
    tag: String,
    limit: Option<u8>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Newest,
    By(String),
    Window { from: u32, to: u32 },
    Pair(u8, u8),
}

type List<A, B, C> = (Parameter<A>, (Parameter<B>, (Parameter<C>, ())));

fn parameters() -> List<String, u32, Option<Filter>> {
    let quantity = Parameter::new("quantity", "How many.")
        .with_default(|| 1)
        .with_range(End::Included(Bound::Int(1)), End::Included(Bound::Int(100)));
    (Parameter::new("order_id", ""), (quantity, (Parameter::new("filter", ""), ())))
}

fn decode<P: Parameters>(parameters: P, policy: Policy, text: &str) -> Result<P::Values, ToolError> {
    Decoder::new(parameters, policy).decode(text)
}

fn read(text: &str) -> Result<(String, u32, Option<Filter>), ToolError> {
    decode(parameters(), Policy::default(), text).map(|(a, (b, (c, ())))| (a, b, c))
}

fn strictly(text: &str) -> Result<(), ToolError> {
    decode(parameters(), Policy { strict: true, ..Policy::default() }, text).map(drop)
}

fn sort(text: &str) -> Result<Sort, ToolError> {
    decode((Parameter::<Sort>::new("sort", ""), ()), Policy::default(), text).map(|(sort, ())| sort)
}

#[test]
fn arguments_are_decoded_in_any_order_and_what_is_left_out_is_filled_in() {
    let (order, quantity, filter) =
        read(r#"{"filter":{"tag":"x"},"order_id":"o","_context":[[]],"__platos":{}}"#).expect("they fit");
    assert_eq!((order.as_str(), quantity), ("o", 1));
    assert_eq!(filter, Some(Filter { tag: "x".into(), limit: None }));
}

#[test]
fn every_bad_argument_is_named_with_its_path() {
    let error = read(r#"{"quantity":101,"filter":{"tag":"x","limit":"many"},"oder_id":"o"}"#).expect_err("all are bad");
    assert_eq!(
        error.message(),
        "invalid arguments: quantity: 101 is out of range: it must be at most 100; \
         filter.limit: \"many\" must be null or a whole number; \
         oder_id: there is no such argument; did you mean `order_id`?; order_id: it is required and missing"
    );
    assert_eq!(error.details().expect("details")["problems"][1]["path"], "/filter/limit");
}

#[test]
fn scalars_in_strings_are_accepted_unless_strict() {
    assert_eq!(read(r#"{"order_id":"o","quantity":" 42 "}"#).expect("a number is meant").1, 42);
    assert!(read(r#"{"order_id":"o","quantity":"x"}"#).is_err());
    assert!(strictly(r#"{"order_id":"o","quantity":"42"}"#).is_err());
    assert!(read(r#"{"order_id":42}"#).is_err(), "a number is no string");
}

#[test]
fn null_for_an_argument_with_a_default_means_left_out_unless_strict() {
    assert_eq!(read(r#"{"order_id":"o","quantity":null}"#).expect("the default is meant").1, 1);
    assert!(strictly(r#"{"order_id":"o","quantity":null}"#).is_err());
    assert!(read(r#"{"order_id":null}"#).is_err());
}

#[test]
fn repeated_arguments_are_refused() {
    let error = read(r#"{"order_id":"a","order_id":"b"}"#).expect_err("which one?");
    assert_eq!(error.message(), "invalid arguments: order_id: it is given twice");
}

#[test]
fn unknown_arguments_are_ignored_only_where_allowed() {
    let allow = Policy { allow_unknown: true, ..Policy::default() };
    assert!(decode(parameters(), allow, r#"{"order_id":"o","extra":[{}]}"#).is_ok());
    assert!(read(r#"{"order_id":"o","extra":1}"#).is_err());
}

#[test]
fn text_that_is_no_object_is_one_problem_and_not_many() {
    for text in ["", "[]", "7", "{\"order_id\":", "{} {}"] {
        let error = read(text).expect_err(text);
        assert_eq!(error.code(), crate::tool::code::INVALID_ARGUMENTS, "{text}");
    }
}

#[test]
fn a_struct_is_an_object_and_never_a_list() {
    assert!(read(r#"{"order_id":"o","filter":["x",1]}"#).is_err());
}

#[test]
fn enums_are_read_in_the_forms_of_their_schema_only() {
    assert_eq!(sort(r#"{"sort":"newest"}"#).expect("a unit variant"), Sort::Newest);
    assert_eq!(sort(r#"{"sort":{"by":"name"}}"#).expect("a newtype variant"), Sort::By("name".into()));
    assert_eq!(sort(r#"{"sort":{"window":{"from":1,"to":2}}}"#).expect("a struct"), Sort::Window { from: 1, to: 2 });
    assert_eq!(sort(r#"{"sort":{"pair":[1,2]}}"#).expect("a tuple"), Sort::Pair(1, 2));
    for bad in [
        r#"{"newest":null}"#,
        r#"{"by":"a","by":"b"}"#,
        r#"{"by":"a","x":1}"#,
        "{}",
        r#""by""#,
        r#"{"window":[1,2]}"#,
        r#"{"pair":[1]}"#,
        "null",
        "3",
    ] {
        assert!(sort(&json!({ "sort": "@" }).to_string().replace("\"@\"", bad)).is_err(), "{bad}");
    }
}

#[test]
fn deep_nesting_is_a_problem_and_no_crash() {
    let deep = format!(r#"{{"order_id":"o","filter":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep).is_err());
    let ignored = format!(r#"{{"order_id":"o","_context":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&ignored).is_ok(), "an envelope is passed over without being built");
}

#[test]
fn lengths_count_characters_and_items() {
    let list = || {
        (
            Parameter::<String>::new("code", "").with_length(2, End::Included(3)),
            (Parameter::<Option<Vec<u8>>>::new("list", "").with_length(0, End::Excluded(3)), ()),
        )
    };
    let read = |text| decode(list(), Policy::default(), text).map(drop);
    assert!(read(r#"{"code":"äöü","list":[1,2]}"#).is_ok());
    assert!(read(r#"{"code":"ä"}"#).is_err());
    assert!(read(r#"{"code":"abcd"}"#).is_err());
    assert!(read(r#"{"code":"abc","list":[1,2,3]}"#).is_err());
    assert!(read(r#"{"code":"abc","list":null}"#).is_ok());
}

#[test]
fn a_range_of_an_f32_means_the_decimals_that_were_written() {
    let up_to = |end| (Parameter::<f32>::new("x", "").with_range(End::Included(Bound::Float(0.0)), end), ());
    let read = |end, text: &str| decode(up_to(end), Policy::default(), text).map(drop);
    assert!(read(End::Included(Bound::Float(0.1)), r#"{"x":0.1}"#).is_ok());
    assert!(read(End::Included(Bound::from(0.1_f32)), r#"{"x":0.1}"#).is_ok());
    assert!(read(End::Excluded(Bound::Float(0.7)), r#"{"x":0.7}"#).is_err());
    assert!(read(End::Excluded(Bound::Float(0.7)), r#"{"x":0.69}"#).is_ok());
    assert!(read(End::Included(Bound::Float(1e38)), r#"{"x":1e38}"#).is_ok());
}

#[test]
fn many_problems_are_counted_and_the_first_are_told() {
    let unknown: Vec<_> = (0..100).map(|number| format!(r#""quantitz{number}":1"#)).collect();
    let error = read(&format!("{{{}}}", unknown.join(","))).expect_err("none of them exists");
    assert!(error.message().ends_with("; and 69 more"), "100 unknown ones and a missing one: {error}");
    assert_eq!(error.details().expect("details")["problems"].as_array().map(Vec::len), Some(32));
}

#[test]
fn a_bad_argument_that_is_only_counted_is_not_missing_too() {
    let unknown: Vec<_> = (0..40).map(|number| format!(r#""u{number}":1"#)).collect();
    let error = read(&format!(r#"{{{},"order_id":7}}"#, unknown.join(","))).expect_err("all are bad");
    assert!(error.message().ends_with("; and 9 more"), "{error}");
}

#[test]
fn bad_arguments_of_any_number_and_length_are_refused_soon() {
    let started = std::time::Instant::now();
    let twice = format!(r#"{{"order_id":1{}}}"#, r#","order_id":1"#.repeat(200_000));
    let twice = read(&twice).expect_err("which one?");
    assert!(twice.message().contains("given twice") && twice.message().len() < 200, "{twice}");
    let long = read(&format!(r#"{{"{}":1}}"#, "ö".repeat(2_000_000))).expect_err("no such name");
    assert!(!long.message().contains("did you mean"));
    // Quadratic work would take minutes here, and this takes well below a second.
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn ranges_of_fractions_and_open_ends() {
    let list = || {
        (Parameter::<f64>::new("x", "").with_range(End::Excluded(Bound::Int(0)), End::Excluded(Bound::Float(1.5))), ())
    };
    let read = |text| decode(list(), Policy::default(), text).map(drop);
    assert!(read(r#"{"x":1.25}"#).is_ok());
    assert!(read(r#"{"x":0}"#).is_err());
    assert!(read(r#"{"x":1.5}"#).is_err());
}

#[test]
fn what_may_be_left_out_is_decided_in_one_place() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its optionality matters")]
    struct Wrapped(Option<u8>);
    let list = (Parameter::<Wrapped>::new("wrapped", ""), (Parameter::<u8>::new("plain", ""), ()));
    let mut required = Vec::new();
    list.each(&mut |parameter| required.push((parameter.name(), parameter.is_required())));
    assert_eq!(required, [("wrapped", false), ("plain", true)]);
    let mut problems = Problems::default();
    assert!(list.settle(Default::default(), &mut problems).is_none());
    assert!(problems.concern("plain") && !problems.concern("wrapped"));
}

fn one<T: Argument>(json: &str) -> Result<T, ToolError> {
    decode((Parameter::<T>::new("v", ""), ()), Policy::default(), &format!(r#"{{"v":{json}}}"#))
        .map(|(value, ())| value)
}

#[test]
fn whole_numbers_are_integers_however_they_are_written() {
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Inner {
        n: u16,
    }
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Flat {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Tagged {
        Sized { size: i32 },
    }
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Untagged {
        Number(u64),
        Text(String),
    }
    assert_eq!(one::<u8>("3.0").expect("whole"), 3);
    assert_eq!(one::<i64>("-1e2").expect("whole"), -100);
    assert_eq!(one::<usize>("-0.0").expect("whole"), 0);
    assert_eq!(one::<Option<u32>>("30.0").expect("whole"), Some(30));
    assert_eq!(one::<Vec<u32>>("[1.0,2]").expect("whole"), [1, 2]);
    assert_eq!(one::<Flat>(r#"{"n":7.0}"#).expect("whole"), Flat { inner: Inner { n: 7 } });
    assert_eq!(one::<Tagged>(r#"{"kind":"sized","size":5.0}"#).expect("whole"), Tagged::Sized { size: 5 });
    assert_eq!(one::<Untagged>("9.0").expect("whole"), Untagged::Number(9));
    assert_eq!(one::<f64>("2.0").expect("a number"), 2.0);
    let strict = |text| decode((Parameter::<u8>::new("v", ""), ()), Policy { strict: true, ..Policy::default() }, text);
    assert_eq!(strict(r#"{"v":3.0}"#).expect("an integer of JSON Schema").0, 3);
    for bad in ["3.5", "300.0", "-1.0", "1e300"] {
        assert!(one::<u8>(bad).is_err(), "{bad}");
    }
}

#[test]
fn arguments_are_read_as_models_write_them_at_every_depth() {
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Order {
        lines: Vec<Line>,
        #[serde(default)]
        note: Option<u32>,
    }
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Line {
        units: u32,
        gift: bool,
    }
    let order = one::<Order>(r#""{\"lines\": {\"units\": \"2\", \"gift\": \"TRUE\"}, \"note\": \"null\"}""#);
    assert_eq!(order.expect("it is meant so"), Order { lines: vec![Line { units: 2, gift: true }], note: None });
    assert_eq!(one::<Option<Sort>>(r#""""#).expect("left out"), None);
    assert_eq!(one::<Vec<Sort>>(r#""newest""#).expect("a list of one"), [Sort::Newest]);
    let error = one::<Order>(r#"{"lines":[{"units":-1,"gift":true},{"unit":1}]}"#).expect_err("three are bad");
    assert_eq!(
        error.message(),
        "invalid arguments: v.lines[0].units: -1 is out of range: it must be at least 0; \
         v.lines[1].units: it is required and missing; was `unit` meant to be it?; v.lines[1].gift: it is required and missing"
    );
}

#[test]
fn limits_of_fields_are_kept_to() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the limits matter")]
    struct Review {
        #[schemars(range(max = 5))]
        stars: u8,
        #[schemars(length(min = 2), regex(pattern = r"^[a-z]+$"))]
        author: Option<String>,
    }
    assert!(one::<Review>(r#"{"stars":5,"author":"ada"}"#).is_ok());
    let error = one::<Review>(r#"{"stars":9,"author":"A"}"#).expect_err("both are out of bounds");
    for part in [
        "v.stars: 9 is out of range: it must be at most 5",
        "v.author: it must have at least 2 characters",
        "v.author: it does not match",
    ] {
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn types_without_limits_of_fields_are_not_checked_twice() {
    fn limited<P: Parameters>(parameters: P) -> bool {
        field_limits::limits_fields(&parameters, crate::tool::schema::input_schema(&parameters, false))
    }
    type Plain = (i8, u8, i16, u16, u32, i64, usize, char, [u8; 3], Vec<Filter>);
    assert!(!limited((Parameter::<Plain>::new("v", ""), ())));
    assert!(!limited(parameters()));
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the limit matters")]
    struct Limited {
        #[schemars(length(max = 3))]
        tags: Vec<String>,
    }
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the limit matters")]
    struct NotNegative {
        #[schemars(range(min = 0))]
        n: i32,
    }
    assert!(limited((Parameter::<Option<Limited>>::new("v", ""), ())));
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the limit matters")]
    struct Few {
        #[schemars(extend("maxProperties" = 2))]
        labels: std::collections::BTreeMap<String, String>,
    }
    assert!(limited((Parameter::<NotNegative>::new("v", ""), ())));
    assert!(limited((Parameter::<Few>::new("v", ""), ())));
}

/// A date, as crates for dates read them.
#[derive(Debug, PartialEq, JsonSchema)]
#[schemars(extend("format" = "date"), with = "String")]
struct Date(u32);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.replace('-', "").parse().map(Self).map_err(|_| serde::de::Error::custom("premature end of input"))
    }
}

#[test]
fn texts_of_a_format_may_be_nothing_and_a_bad_one_is_told_its_form() {
    assert_eq!(one::<Date>(r#""2025-01-31""#).expect("a date"), Date(20_250_131));
    for nothing in [r#""""#, r#""null""#, "null"] {
        assert_eq!(one::<Option<Date>>(nothing).expect("left out"), None, "{nothing}");
    }
    let error = one::<Vec<Date>>(r#"["2025-01-31","soon"]"#).expect_err("no date");
    let message = "invalid arguments: v[1]: it must be a date such as 2025-01-31: premature end of input";
    assert_eq!(error.message(), message);
    assert_eq!(error.details().expect("details")["problems"][0]["path"], "/v/1");
    assert_eq!(one::<Date>(r#""""#).expect_err("required").message(), "invalid arguments: v: it must not be empty");
}
