//! Tests of MCP clients that resume a lost stream, and of the notices that clients get.

use platools_tests::within;
use serde_json::json;

use super::against_both;
use super::client::{Client, WITHOUT_SESSIONS, text};
use super::server::Server;

against_both! {
    a_client_that_loses_the_stream_of_its_call_misses_nothing
    an_unknown_event_leads_nowhere
    notices_that_came_while_nobody_listened_are_delivered
    the_latest_stream_gets_the_notices_and_the_one_before_it_ends
    a_subscription_without_a_session_is_told_of_changes
}

const CHANGED: &str = "notifications/tools/list_changed";

async fn change(client: &Client) {
    assert_eq!(client.call("change", json!({})).await["isError"], false);
}

async fn a_client_that_loses_the_stream_of_its_call_misses_nothing(server: Server) {
    let client = server.session().await;
    for milliseconds in [1, 300] {
        let arguments = json!({ "milliseconds": milliseconds });
        let mut told = within(client.calling(5, "linger", arguments)).await.expect("no panic");
        told.next_of("notifications/progress").await;
        let latest = told.latest.clone();
        drop(told);
        // Before the answer or after it, and again for a client that asks again.
        for _ in 0..2 {
            let mut found = client.listening(Some(&latest)).await;
            let answer = found.next().await.expect("the answer");
            assert_eq!((&answer["id"], text(&answer["result"])), (&json!(5), "done"));
            assert_eq!(found.next().await, None, "nothing comes after the answer");
        }
    }
}

async fn an_unknown_event_leads_nowhere(server: Server) {
    let client = server.session().await;
    for unknown in ["nope", "999999", "1/2", "00000000-0000-0000-0000-000000000000/0"] {
        assert_eq!(client.listening(Some(unknown)).await.next().await, None, "{unknown}");
    }
}

async fn notices_that_came_while_nobody_listened_are_delivered(server: Server) {
    let client = server.session().await;
    let mut listening = client.listening(None).await;
    change(&client).await;
    listening.next_of(CHANGED).await;
    let latest = listening.latest.clone();
    drop(listening);
    change(&client).await;
    client.listening(Some(&latest)).await.next_of(CHANGED).await;
    // A stream that was lost before anything came on it.
    client.listening(Some("0")).await.next_of(CHANGED).await;
}

async fn the_latest_stream_gets_the_notices_and_the_one_before_it_ends(server: Server) {
    let client = server.session().await;
    let mut earlier = client.listening(None).await;
    // As after a loss that nobody has noticed yet.
    let mut latest = client.listening(None).await;
    assert_eq!(earlier.next().await, None);
    change(&client).await;
    latest.next_of(CHANGED).await;
    let mut resumed = client.listening(Some(&latest.latest)).await;
    assert_eq!(latest.next().await, None);
    change(&client).await;
    resumed.next_of(CHANGED).await;
}

async fn a_subscription_without_a_session_is_told_of_changes(server: Server) {
    let client = server.client().with("mcp-protocol-version", WITHOUT_SESSIONS);
    let params = json!({ "notifications": { "toolsListChanged": true } });
    let mut told = super::client::Messages::of(client.request(1, "subscriptions/listen", params).await);
    told.next_of("notifications/subscriptions/acknowledged").await;
    change(&client).await;
    told.next_of(CHANGED).await;
}
