//! Descriptions of unreadable frames, for logs.

use super::FrameError;

impl FrameError {
    /// The kind of the frame and the position of the mistake, for a log. The reason itself is left out: it may quote arguments and
    /// results, and be as long as the frame.
    #[must_use]
    pub fn outline(&self) -> String {
        match self {
            Self::NotAnObject(error) => {
                format!("not a JSON object at line {} column {}", error.line(), error.column())
            }
            Self::NoType => "no `type`".to_owned(),
            Self::UnknownType(kind) => format!("unknown type {kind:?}"),
            Self::Malformed { kind, place, .. } => match place {
                Some((line, column)) => format!("malformed `{kind}` at line {line} column {column}"),
                None => format!("malformed `{kind}`"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tool_sync::WorkerFrame;

    fn described(text: &str) -> String {
        WorkerFrame::parse(text).unwrap_err().outline()
    }

    #[test]
    fn the_log_has_the_kind_and_the_place_and_nothing_of_the_frame() {
        let hidden = "hidden".repeat(1000);
        for (text, expected) in [
            (format!(r#"{{"type":"heartbeat","tools_health":{{"t":"{hidden}"}}}}"#), "malformed `heartbeat` at line 1"),
            (
                format!(r#"{{"type":"tool_error","call_id":"c","error":"e","traceback":["{hidden}"]}}"#),
                "malformed `tool_error` at line 1",
            ),
            (format!(r#"{{"type":"tool_register","tools":"{hidden}"}}"#), "malformed `tool_register`"),
            (format!(r#"{{"type":"tool_result","result":"{hidden}"}}"#), "malformed `tool_result`"),
            (format!(r#""{hidden}""#), "not a JSON object at line 1 column"),
            (format!(r#"{{"kind":"{hidden}"}}"#), "no `type`"),
        ] {
            let described = described(&text);
            assert!(described.starts_with(expected), "{described}");
            assert!(!described.contains("hidden") && described.len() < 100, "{described}");
        }
    }

    #[test]
    fn an_unknown_type_is_cut_and_escaped() {
        let text = serde_json::json!({"type": format!("new\n{}", "x".repeat(1000))}).to_string();
        let described = described(&text);
        assert!(described.starts_with(r#"unknown type "new\nxxx"#) && described.len() < 100, "{described}");
    }
}
