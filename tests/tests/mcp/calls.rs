//! Tests of MCP calls: large answers, invalid or oversized results, progress, log entries, and cancelled calls.

use platools_tests::within;
use serde_json::{Value, json};

use super::against_both;
use super::client::{Client, EVENTS, JSON, Messages, WITHOUT_SESSIONS, text};
use super::server::Server;

against_both! {
    a_large_answer_is_one_json_body_with_a_session_and_without
    a_result_of_five_mib_passes_in_every_form
    a_result_over_the_limit_is_an_error_that_names_the_setting
    a_result_that_breaks_its_schema_is_an_error_with_the_result_as_text
    progress_comes_before_the_answer_to_clients_that_read_streams
    a_client_that_wants_a_log_is_told_what_its_tools_say
    a_cancelled_request_and_a_session_that_ends_give_up_their_calls
    without_a_session_a_client_that_hangs_up_gives_up_its_call
}

const MIB: usize = 1024 * 1024;

/// A client of the revision without sessions.
fn without_session(server: &Server) -> Client {
    server.client().with("mcp-protocol-version", WITHOUT_SESSIONS)
}

async fn repeated(client: &Client, bytes: usize) -> (String, Value) {
    let params = json!({ "name": "repeat", "arguments": { "bytes": bytes } });
    let messages = Messages::of(client.request(1, "tools/call", params).await);
    (messages.kind().to_owned(), messages.answer().await["result"].clone())
}

async fn a_large_answer_is_one_json_body_with_a_session_and_without(server: Server) {
    for client in [server.session().await, without_session(&server)] {
        for (bytes, form) in [(700 * 1024, JSON), (1024, EVENTS)] {
            let (found, result) = repeated(&client, bytes).await;
            assert_eq!((found.as_str(), text(&result).len() > bytes), (form, true), "{bytes}");
        }
        let image = client.call("draw", json!({ "bytes": 1_500_000 })).await;
        assert_eq!(image["content"][0]["data"].as_str().map(str::len), Some(2_000_000));
    }
}

async fn a_result_of_five_mib_passes_in_every_form(server: Server) {
    let client = server.session().await;
    for (accept, form) in [("application/json, text/event-stream", JSON), (JSON, JSON), (EVENTS, EVENTS)] {
        let (found, result) = repeated(&client.clone().with("accept", accept), 5 * MIB).await;
        assert_eq!((found.as_str(), &result["isError"]), (form, &json!(false)), "{accept}");
        assert_eq!(result["structuredContent"]["text"].as_str().map(str::len), Some(5 * MIB), "{accept}");
    }
}

async fn a_result_over_the_limit_is_an_error_that_names_the_setting(server: Server) {
    let client = server.session().await;
    let (_, result) = repeated(&client, 6 * MIB).await;
    assert_eq!(result["isError"], true);
    let why = text(&result);
    assert!(why.contains("6291456") && why.contains(server.differences.result_limit), "{why}");
    assert_eq!(repeated(&client, 3).await.1["structuredContent"], json!({ "text": "xxx" }), "the session goes on");
}

async fn a_result_that_breaks_its_schema_is_an_error_with_the_result_as_text(server: Server) {
    let result = server.session().await.call("mislead", json!({})).await;
    assert_eq!((&result["isError"], result.get("structuredContent")), (&json!(true), None));
    assert!(text(&result).contains("/text: "), "{result}");
    assert_eq!(result["content"][1]["text"], r#"{"text":7}"#);
    assert_eq!(result["_meta"]["platools/toolError"]["code"], "result_breaks_schema");
}

async fn progress_comes_before_the_answer_to_clients_that_read_streams(server: Server) {
    for client in [server.session().await, without_session(&server)] {
        let mut told = within(client.calling(3, "linger", json!({ "milliseconds": 50 }))).await.expect("no panic");
        assert_eq!(told.kind(), EVENTS);
        let progress = told.next_of("notifications/progress").await;
        assert_eq!((&progress["progress"], &progress["progressToken"]), (&json!(1.0), &json!(3)));
        assert_eq!(text(&told.answer().await["result"]), "done");
        let client = client.with("accept", JSON);
        let told = within(client.calling(4, "linger", json!({ "milliseconds": 1 }))).await.expect("no panic");
        assert_eq!(told.kind(), JSON);
        assert_eq!(text(&told.answer().await["result"]), "done");
    }
}

async fn a_client_that_wants_a_log_is_told_what_its_tools_say(server: Server) {
    let client = server.session().await;
    let mut listening = client.listening(None).await;
    for (wanted, told) in [(None, &[][..]), (Some("info"), &["begun", "ended"]), (Some("warning"), &["ended"])] {
        if let Some(level) = wanted {
            assert_eq!(client.asked("logging/setLevel", json!({ "level": level })).await["result"], json!({}));
        }
        assert_eq!(client.call("tell", json!({})).await["isError"], false);
        for message in told {
            let entry = listening.next_of("notifications/message").await;
            assert_eq!((&entry["logger"], &entry["data"]), (&json!("tell"), &json!(message)));
        }
    }
    assert_eq!(client.call("fail", json!({})).await["isError"], true);
    let entry = listening.next_of("notifications/message").await;
    assert_eq!(
        (&entry["logger"], &entry["level"], &entry["data"]["tool"]),
        (&json!("platools"), &json!("warning"), &json!("fail"))
    );
}

async fn a_cancelled_request_and_a_session_that_ends_give_up_their_calls(server: Server) {
    let client = server.session().await;
    let mut cancelled = within(client.calling(9, "hold", json!({}))).await.expect("no panic");
    cancelled.next_of("notifications/progress").await;
    client.cancel(9).await;
    within(server.gone.reach(1)).await;
    assert_eq!(cancelled.next().await, None, "it is not answered");
    let mut ended = within(client.calling(10, "hold", json!({}))).await.expect("no panic");
    ended.next_of("notifications/progress").await;
    assert_eq!(client.send("DELETE", "").await.status(), 204);
    within(server.gone.reach(2)).await;
}

async fn without_a_session_a_client_that_hangs_up_gives_up_its_call(server: Server) {
    let mut told = within(without_session(&server).calling(1, "hold", json!({}))).await.expect("no panic");
    told.next_of("notifications/progress").await;
    drop(told);
    within(server.gone.reach(1)).await;
}
