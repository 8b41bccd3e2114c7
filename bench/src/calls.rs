//! [`answer`]: answers the calls of the tools `add` and `echo`, for the two workers that the benchmark has without the SDK: `bare.rs` and
//! `tungstenite.rs`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    call_id: &'a str,
    #[serde(default)]
    tool_name: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize)]
struct Echo {
    text: String,
}

/// The reply to a call.
#[derive(Serialize)]
pub struct Reply<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    call_id: &'a str,
    result: Outcome,
    latency_ms: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Sum(i64),
    Text(String),
}

/// Answers a call; `None` for any other frame.
pub fn answer(frame: &str) -> anyhow::Result<Option<Reply<'_>>> {
    let call: Call = serde_json::from_str(frame)?;
    let ("tool_call", Some(params)) = (call.kind, call.params.map(RawValue::get)) else { return Ok(None) };
    let result = match call.tool_name {
        "add" | "wait" => {
            let Add { a, b } = serde_json::from_str(params)?;
            Outcome::Sum(a + b)
        }
        "echo" => Outcome::Text(serde_json::from_str::<Echo>(params)?.text),
        other => anyhow::bail!("unknown tool {other}"),
    };
    Ok(Some(Reply { kind: "tool_result", call_id: call.call_id, result, latency_ms: 0 }))
}
