//! [`within_limit`]: shortens the texts of a result if the message would be longer than clients read from a server's standard output.

use rmcp::RoleServer;
use rmcp::model::{ContentBlock, ServerJsonRpcMessage, ServerResult};
use rmcp::service::TxJsonRpcMessage;
use serde_json::Value;

/// The longest result in bytes. Clients in TypeScript end the connection for a message of more than 10 MiB.
const MAX_RESULT_BYTES: usize = 9 * 1024 * 1024;

/// The beginning of a text that does not fit beside its value, in characters.
const PREVIEW_CHARS: usize = 4096;

/// The message, with the texts of a result cut if they are too long beside the same value as structured content.
pub(super) fn within_limit(mut message: TxJsonRpcMessage<RoleServer>) -> TxJsonRpcMessage<RoleServer> {
    if let ServerJsonRpcMessage::Response(response) = &mut message
        && let ServerResult::CallToolResult(result) = &mut response.result
        && let Some(value) = &result.structured_content
        && is_too_long(&result.content, value)
    {
        result.content.iter_mut().for_each(cut);
    }
    message
}

fn is_too_long(content: &[ContentBlock], value: &Value) -> bool {
    let texts: usize = content.iter().filter_map(ContentBlock::as_text).map(|text| written(&text.text)).sum();
    // A value is written only if its text is long enough to matter.
    texts > MAX_RESULT_BYTES / 4 && texts + value.to_string().len() > MAX_RESULT_BYTES
}

/// The bytes of a text within JSON.
fn written(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    });
    escaped.sum()
}

fn cut(block: &mut ContentBlock) {
    let Some(text) = block.as_text().map(|text| &text.text).filter(|text| text.len() > PREVIEW_CHARS) else { return };
    let beginning: String = text.chars().take(PREVIEW_CHARS).collect();
    let whole = text.len();
    *block = ContentBlock::text(format!(
        "The result has {whole} bytes and is in `structuredContent` as a whole. It begins: {beginning}"
    ));
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, NumberOrString};
    use serde_json::{json, to_value};

    use super::*;

    fn sent(length: usize) -> Value {
        let value = json!({ "text": "\"".repeat(length) });
        let result = CallToolResult::structured(value);
        to_value(within_limit(ServerJsonRpcMessage::response(
            ServerResult::CallToolResult(result),
            NumberOrString::Number(1),
        )))
        .expect("JSON")
    }

    #[test]
    fn a_text_is_cut_only_if_it_is_too_long_beside_its_value() {
        let short = sent(1024 * 1024);
        assert_eq!(short["result"]["content"][0]["text"], short["result"]["structuredContent"].to_string());
        let long = sent(2 * 1024 * 1024);
        assert_eq!(long["result"]["structuredContent"]["text"].as_str().map(str::len), Some(2 * 1024 * 1024));
        let text = long["result"]["content"][0]["text"].as_str().expect("a text");
        assert!(
            text.starts_with("The result has 4194315 bytes") && text.len() < 2 * PREVIEW_CHARS,
            "{} bytes",
            text.len()
        );
    }
}
