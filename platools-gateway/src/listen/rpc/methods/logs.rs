//! The method `logs.tail`, which lets an admin follow the program's log.

use serde::Deserialize;
use serde_json::json;

use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{Params, Reply, reply};
use crate::ops::log_tail::KEPT_LINES;

/// The number of earlier lines that are shown if the caller names none.
const DEFAULT_LINES: usize = 100;

#[derive(Deserialize)]
struct TailParams {
    lines: Option<usize>,
    #[serde(default)]
    stop: bool,
}

/// The last lines, and each that comes after them as an event, until the caller has had enough. Asked twice, it begins again.
pub(super) async fn tail(context: &MethodContext<'_>, params: Params) -> Reply {
    let TailParams { lines, stop } = params.decode()?;
    if stop {
        context.set_tail(None);
        return reply(&json!({"lines": []}));
    }
    let lines = lines.unwrap_or(DEFAULT_LINES);
    if lines > KEPT_LINES {
        return Err(invalid(format!("`lines` must be from 0 to {KEPT_LINES}")));
    }
    let (last, new) = context.core.logs.follow(&context.caller, lines)?;
    context.set_tail(Some(new));
    let last: Vec<_> = last.iter().map(|line| &**line).collect();
    #[derive(serde::Serialize)]
    struct Lines<'a> {
        lines: Vec<&'a serde_json::value::RawValue>,
    }
    reply(&Lines { lines: last })
}
