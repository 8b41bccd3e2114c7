//! Tests of arguments that models and clients really send: worker and gateway accept, change or refuse them alike.

use platools::{Context, ToolDefinition, ToolError, ToolRegistry};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::Expected::{Becomes, Kept, LeftOut, Refused};
use super::{at_the_gateway, at_the_worker, seen};
use crate::arguments::Arguments;
use crate::catalog::schema::ToolSchemas;

/// The outcome of a member.
#[derive(Debug)]
enum Expected {
    /// Stays as the caller sent it.
    Kept,
    /// Is removed.
    LeftOut,
    /// Turns into another member.
    Becomes(&'static str),
    /// The call is refused with these words.
    Refused(&'static str),
}

fn order() -> Value {
    json!({
        "type": "object",
        "properties": {
            "order_id": {"type": "string"},
            "units": {"type": "integer", "minimum": 0, "maximum": 100},
            "price": {"type": "number"},
            "gift": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "ids": {"type": "array", "items": {"type": "integer"}},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "sort": {"type": "string", "enum": ["newest", "oldest", "best_match"]},
            "address": {"type": "object", "properties": {
                "street": {"type": "string"}, "zip_code": {"type": "string"}, "country": {"type": "string", "enum": ["DE", "FR", "GB"]}
            }, "additionalProperties": false},
            "payment": {"oneOf": [
                {"type": "object", "properties": {"type": {"const": "card"}, "number": {"type": "string"}, "cents": {"type": "integer"}},
                    "required": ["type", "number", "cents"], "additionalProperties": false},
                {"type": "object", "properties": {"type": {"const": "bank_transfer"}, "iban": {"type": "string"}},
                    "required": ["type", "iban"], "additionalProperties": false},
            ]},
            "due": {"type": "string", "format": "date-time"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null},
            "meta": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {},
        },
        "required": ["order_id"],
        "additionalProperties": false,
        "$defs": {"Line": {"type": "object", "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}},
            "required": ["sku"], "additionalProperties": false}},
    })
}

/// A member beside `order_id`, as it is sent.
const CASES: &[(&str, Expected)] = &[
    (r#""units":"5 ""#, Becomes(r#""units":5"#)),
    (r#""units":"+5""#, Refused(r#"units: "+5" must be a whole number"#)),
    (r#""units":"05""#, Refused(r#"units: "05" must be a whole number"#)),
    (r#""units":"1,000""#, Refused(r#"units: "1,000" must be a whole number"#)),
    (r#""units":"5 units""#, Refused(r#"units: "5 units" must be a whole number"#)),
    (r#""units":5.0"#, Kept),
    (r#""units":"5.0""#, Becomes(r#""units":5.0"#)),
    (r#""units":"5.5""#, Refused(r#"units: "5.5" must be a whole number"#)),
    (r#""units":5.5"#, Refused(r#"units: 5.5 must be a whole number"#)),
    (r#""units":-0"#, Kept),
    (r#""units":-0.0"#, Kept),
    (r#""units":101"#, Refused(r#"units: 101 is out of range: it must be at most 100"#)),
    (r#""units":"101""#, Refused(r#"units: 101 is out of range: it must be at most 100"#)),
    (
        r#""units":18446744073709551616"#,
        Refused(r#"units: 1.8446744073709552e+19 is out of range: it must be at most 100"#),
    ),
    (r#""units":1e400"#, Refused(r#"arguments: they cannot be read as JSON: number out of range at line 1 column 29"#)),
    (r#""units":"NaN""#, Refused(r#"units: "NaN" must be a whole number"#)),
    (r#""units":true"#, Refused(r#"units: true must be a whole number"#)),
    (r#""units":[5]"#, Refused(r#"units: the list must be a whole number"#)),
    (r#""units":{"value":5}"#, Refused(r#"units: the object must be a whole number"#)),
    (r#""units":null"#, LeftOut),
    (r#""units":"""#, LeftOut),
    (r#""units":"null""#, LeftOut),
    (r#""units":"None""#, LeftOut),
    (r#""units":"undefined""#, LeftOut),
    (r#""units":"N/A""#, Refused(r#"units: "N/A" must be a whole number"#)),
    (r#""units":"\"5\"""#, Becomes(r#""units":5"#)),
    (r#""units":"```json\n5\n```""#, Becomes(r#""units":5"#)),
    (r#""units":"\ufeff5""#, Becomes(r#""units":5"#)),
    (r#""price":"12.50""#, Becomes(r#""price":12.50"#)),
    (r#""price":"$12.50""#, Refused(r#"price: "$12.50" must be a number"#)),
    (r#""price":"12,50""#, Refused(r#"price: "12,50" must be a number"#)),
    (r#""gift":"True""#, Becomes(r#""gift":true"#)),
    (r#""gift":"yes""#, Refused(r#"gift: "yes" must be true or false"#)),
    (r#""gift":1"#, Refused(r#"gift: 1 must be true or false"#)),
    (r#""gift":"None""#, LeftOut),
    (r#""tags":"a""#, Becomes(r#""tags":["a"]"#)),
    (r#""tags":"a, b""#, Refused(r#"tags: "a, b" must be a list"#)),
    (r#""tags":"a\nb""#, Refused(r#"tags: "a\nb" must be a list"#)),
    (r#""tags":"[\"a\",\"b\"]""#, Becomes(r#""tags":["a","b"]"#)),
    (r#""tags":"['a', 'b']""#, Refused(r#"tags: "['a', 'b']" must be a list; the text cannot be read as JSON"#)),
    (r#""tags":"[\"a\", \"b\"""#, Refused(r#"tags: "[\"a\", \"b\"" must be a list; the text cannot be read as JSON"#)),
    (
        r#""tags":"[\"a\",\"b\",]""#,
        Refused(r#"tags: "[\"a\",\"b\",]" must be a list; the text cannot be read as JSON"#),
    ),
    (r#""tags":"```json\n[\"a\"]\n```""#, Becomes(r#""tags":["a"]"#)),
    (r#""tags":"\"[\\\"a\\\"]\"""#, Becomes(r#""tags":["a"]"#)),
    (r#""tags":"[]""#, Becomes(r#""tags":[]"#)),
    (r#""tags":"""#, LeftOut),
    (r#""tags":"null""#, LeftOut),
    (r#""tags":"None""#, Refused(r#"tags: "None" must be a list"#)),
    (r#""tags":null"#, LeftOut),
    (r#""tags":{}"#, Refused(r#"tags: the object must be a list"#)),
    (r#""tags":{"item":["a","b"]}"#, Refused(r#"tags: the object must be a list"#)),
    (r#""tags":{"item":"a"}"#, Refused(r#"tags: the object must be a list, each item a string"#)),
    (r#""tags":{"0":"a","1":"b"}"#, Refused(r#"tags: the object must be a list"#)),
    (r#""tags":[["a","b"]]"#, Refused(r#"tags[0]: the list must be a string"#)),
    (r#""tags":["a",null]"#, Refused(r#"tags[1]: null must be a string"#)),
    (r#""tags":["a",5]"#, Refused(r#"tags[1]: 5 must be a string"#)),
    (r#""tags":["[\"a\",\"b\"]"]"#, Kept),
    (r#""tags":5"#, Refused(r#"tags: 5 must be a list, each item a string"#)),
    (r#""tags":"<item>a</item>""#, Refused(r#"tags: "<item>a</item>" must be a list"#)),
    (r#""ids":"1,2,3""#, Refused(r#"ids: "1,2,3" must be a list"#)),
    (r#""ids":["1","2"]"#, Becomes(r#""ids":[1,2]"#)),
    (r#""ids":[1.0,2e0]"#, Kept),
    (r#""ids":["1","x"]"#, Refused(r#"ids[1]: "x" must be a whole number"#)),
    (r#""ids":"[1, 2, \"3\"]""#, Becomes(r#""ids":[1,2,3]"#)),
    (r#""lines":"[{\"sku\":\"a\",\"qty\":\"2\"}]""#, Becomes(r#""lines":[{"sku":"a","qty":2}]"#)),
    (r#""lines":{"sku":"a","qty":2}"#, Becomes(r#""lines":[{"sku":"a","qty":2}]"#)),
    (r#""lines":"{\"sku\":\"a\"}""#, Becomes(r#""lines":[{"sku":"a"}]"#)),
    (r#""lines":["{\"sku\":\"a\"}"]"#, Becomes(r#""lines":[{"sku":"a"}]"#)),
    (
        r#""lines":[{"SKU":"a"}]"#,
        Refused(
            r#"lines[0].SKU: there is no such argument; did you mean `sku`?; lines[0].sku: it is required and missing"#,
        ),
    ),
    (
        r#""lines":[{"sku":"a","quantity":2}]"#,
        Refused(r#"lines[0].quantity: there is no such argument; taken are sku and qty"#),
    ),
    (
        r#""lines":[{"sku":"a","qty":"two"},{"qty":1},{"sku":7}]"#,
        Refused(
            r#"lines[0].qty: "two" must be a whole number; lines[1].sku: it is required and missing; lines[2].sku: 7 must be a string"#,
        ),
    ),
    (r#""lines":["a"]"#, Refused(r#"lines[0]: "a" must be an object"#)),
    (
        r#""lines":"[object Object]""#,
        Refused(r#"lines: "[object Object]" must be a list; the text cannot be read as JSON"#),
    ),
    (
        r#""lines":"[object Object],[object Object]""#,
        Refused(r#"lines: "[object Object],[object Object]" must be a list; the text cannot be read as JSON"#),
    ),
    (r#""lines":"{'sku': 'a'}""#, Refused(r#"lines: "{'sku': 'a'}" must be a list; the text cannot be read as JSON"#)),
    (r#""lines":[{"sku":"a","qty":null}]"#, Becomes(r#""lines":[{"sku":"a"}]"#)),
    (r#""lines":[{"sku":"a","qty":""}]"#, Becomes(r#""lines":[{"sku":"a"}]"#)),
    (r#""lines":{"item":[{"sku":"a"}]}"#, Refused(r#"lines: the object must be a list"#)),
    (r#""lines":{"0":{"sku":"a"}}"#, Refused(r#"lines: the object must be a list"#)),
    (r#""sort":"Newest""#, Becomes(r#""sort":"newest""#)),
    (r#""sort":" newest ""#, Becomes(r#""sort":"newest""#)),
    (r#""sort":"best match""#, Becomes(r#""sort":"best_match""#)),
    (r#""sort":"BestMatch""#, Becomes(r#""sort":"best_match""#)),
    (r#""sort":"\"newest\"""#, Becomes(r#""sort":"newest""#)),
    (r#""sort":"new""#, Refused(r#"sort: "new" must be "newest", "oldest" or "best_match""#)),
    (
        r#""sort":"newst""#,
        Refused(r#"sort: "newst" must be "newest", "oldest" or "best_match"; did you mean "newest"?"#),
    ),
    (r#""sort":"""#, LeftOut),
    (r#""sort":"None""#, LeftOut),
    (r#""sort":["newest"]"#, Refused(r#"sort: the list must be "newest", "oldest" or "best_match""#)),
    (r#""address":"{\"street\":\"x\"}""#, Becomes(r#""address":{"street":"x"}"#)),
    (r#""address":"{\\\"street\\\":\\\"x\\\"}""#, Becomes(r#""address":{"street":"x"}"#)),
    (r#""address":"street: x""#, Refused(r#"address: "street: x" must be an object"#)),
    (r#""address":{"Street":"x"}"#, Refused(r#"address.Street: there is no such argument; did you mean `street`?"#)),
    (
        r#""address":{"zipCode":"1"}"#,
        Refused(r#"address.zipCode: there is no such argument; did you mean `zip_code`?"#),
    ),
    (r#""address":{"zip_code":1}"#, Refused(r#"address.zip_code: 1 must be a string"#)),
    (r#""address":{"country":"de"}"#, Becomes(r#""address":{"country":"DE"}"#)),
    (r#""address":{"country":"Germany"}"#, Refused(r#"address.country: "Germany" must be "DE", "FR" or "GB""#)),
    (r#""address":[{"street":"x"}]"#, Refused(r#"address: the list must be an object"#)),
    (r#""address":[]"#, Refused(r#"address: the list must be an object"#)),
    (r#""address":"{}""#, Becomes(r#""address":{}"#)),
    (r#""address":"""#, LeftOut),
    (r#""address":{"street":"x","street":"y"}"#, Refused(r#"address.street: it is given twice"#)),
    (
        r#""payment":{"type":"card","number":"1","cents":"5"}"#,
        Becomes(r#""payment":{"type":"card","number":"1","cents":5}"#),
    ),
    (
        r#""payment":{"type":"Card","number":"1","cents":5}"#,
        Becomes(r#""payment":{"type":"card","number":"1","cents":5}"#),
    ),
    (
        r#""payment":{"type":"crad","number":"1","cents":5}"#,
        Refused(r#"payment.type: "crad" must be "card" or "bank_transfer"; did you mean "card"?"#),
    ),
    (
        r#""payment":{"number":"1","cents":5}"#,
        Refused(r#"payment.type: it is required and missing; it must be "card" or "bank_transfer""#),
    ),
    (r#""payment":{"type":"bank transfer","iban":"x"}"#, Becomes(r#""payment":{"type":"bank_transfer","iban":"x"}"#)),
    (
        r#""payment":{"card":{"number":"1","cents":5}}"#,
        Refused(r#"payment.type: it is required and missing; it must be "card" or "bank_transfer""#),
    ),
    (
        r#""payment":"{\"type\":\"card\",\"number\":\"1\",\"cents\":5}""#,
        Becomes(r#""payment":{"type":"card","number":"1","cents":5}"#),
    ),
    (r#""payment":"card""#, Refused(r#"payment: "card" must be an object"#)),
    (r#""payment":{"type":"card","number":1,"cents":5}"#, Refused(r#"payment.number: 1 must be a string"#)),
    (
        r#""payment":{"type":"card","number":"1","cents":5,"extra":1}"#,
        Refused(r#"payment.extra: there is no such argument; taken are type, number and cents"#),
    ),
    (
        r#""payment":{"type":"card","cents":"x"}"#,
        Refused(r#"payment.number: it is required and missing; payment.cents: "x" must be a whole number"#),
    ),
    (r#""due":"2025-01-05""#, Kept),
    (r#""due":1736035200"#, Refused(r#"due: 1736035200 must be a string"#)),
    (r#""due":"""#, Kept),
    (r#""note":null"#, Kept),
    (r#""note":"null""#, Kept),
    (r#""note":"""#, Kept),
    (r#""note":5"#, Refused(r#"note: 5 must be a string or null"#)),
    (r#""note":"\u0000""#, Kept),
    (r#""note":"\ud83c""#, Becomes(r#""note":"\ufffd""#)),
    (r#""meta":{"a":1}"#, Refused(r#"meta.a: 1 must be a string"#)),
    (r#""meta":"{\"a\":\"1\"}""#, Becomes(r#""meta":{"a":"1"}"#)),
    (r#""meta":[["a","1"]]"#, Refused(r#"meta: the list must be an object"#)),
    (r#""any":"5""#, Kept),
    (r#""orderId":"x""#, Refused(r#"orderId: there is no such argument; did you mean `order_id`?"#)),
    (r#""Units":5"#, Refused(r#"Units: there is no such argument; did you mean `units`?"#)),
    (
        r#""input":{"order_id":"a"}"#,
        Refused(r#"input: there is no such argument; send what is in it, such as `order_id`, without it"#),
    ),
    (
        r#""kwargs":{"units":5}"#,
        Refused(r#"kwargs: there is no such argument; send what is in it, such as `units`, without it"#),
    ),
    (r#""_trace":1"#, Kept),
    (r#""order_id":"b""#, Refused(r#"order_id: it is given twice"#)),
];

#[tokio::test]
async fn arguments_as_models_write_them_have_one_outcome_at_both_ends() {
    let schemas = ToolSchemas::new(&order(), None);
    let echo = ToolDefinition::new("echo", "Say it again.", order());
    let echo = echo.handler(|arguments: Value, _: Context| async move { Ok::<_, ToolError>(arguments) });
    let registry = ToolRegistry::new().with_tools(echo).expect("a valid tool");
    for (member, expected) in CASES {
        let sent = format!(r#"{{"order_id":"o",{member}}}"#);
        let gateway = at_the_gateway(&schemas, Arguments::fitted(sent.clone()));
        let expected = match expected {
            Kept => Ok(sent.clone()),
            LeftOut => Ok(r#"{"order_id":"o"}"#.to_owned()),
            Becomes(member) => Ok(format!(r#"{{"order_id":"o",{member}}}"#)),
            Refused(words) => Err(format!("invalid arguments: {words}")),
        };
        assert_eq!(gateway.clone().map_err(|(words, _)| words), expected, "{member}");
        let raw = RawValue::from_string(sent).expect("JSON");
        let worker = at_the_worker(&registry, "echo", &raw).await;
        assert_eq!(worker.map_err(|(words, _)| words), expected.map(|text| seen(&text)), "{member}");
    }
}
