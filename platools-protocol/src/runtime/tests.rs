//! Tests of the frames and bodies of the runtime protocol.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).expect("it is JSON")
}

/// Written and read again, a body is what it was, and on the way it has exactly those members.
fn travels<T>(body: &T, members: &Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let text = serde_json::to_string(body).expect("it serializes");
    assert_eq!(&serde_json::from_str::<Value>(&text).expect("JSON"), members);
    let mut extended = members.clone();
    extended.as_object_mut().expect("an object").insert("of a newer version".to_owned(), json!([{}]));
    let read: T = serde_json::from_str(&extended.to_string()).expect("unknown members are passed over");
    assert_eq!(&serde_json::to_value(read).expect("it serializes"), members);
}

#[test]
fn frames_are_written_as_they_are_read() {
    for text in [
        r#"{"type":"heartbeat","timestamp":"2026-03-01T10:30:15Z"}"#,
        r#"{"type":"heartbeat"}"#,
        r#"{"type":"channel.subscribe","channelId":"a\"1"}"#,
        r#"{"type":"channel.unsubscribe","channelId":"c"}"#,
        r#"{"type":"custom.event","data":{"foo":1.50}}"#,
        r#"{"type":"custom.event","data":[]}"#,
    ] {
        assert_eq!(AgentFrame::parse(text).expect(text).to_text(), text);
    }
    for text in [
        r#"{"type":"channel.message","timestamp":"2026-03-01T10:30:15Z","data":{"content":"a\"b","n":1.50}}"#,
        r#"{"type":"of a newer version","timestamp":"","data":7}"#,
    ] {
        assert_eq!(GatewayEvent::parse(text).expect(text).to_text(), text);
    }
}

#[test]
fn members_may_come_in_any_order_and_unknown_ones_are_passed_over() {
    let text = r#"{"x":{"type":"no"},"channelId":"c","data":7,"type":"channel.subscribe"}"#;
    assert!(matches!(AgentFrame::parse(text), Ok(AgentFrame::Subscribe { channel_id }) if channel_id == "c"));
    let event = GatewayEvent::parse(r#"{"seq":9,"data":{"a": 1},"type":"e"}"#).expect("an event");
    assert_eq!((&*event.kind, &*event.timestamp, event.data.get()), ("e", "", r#"{"a": 1}"#));
}

#[test]
fn what_says_nothing_has_empty_data() {
    for text in [r#"{"type":"x"}"#, r#"{"type":"x","data":null}"#] {
        assert_eq!(GatewayEvent::parse(text).expect("an event").data.get(), "{}");
        let Ok(AgentFrame::Custom { data, .. }) = AgentFrame::parse(text) else { panic!("{text} is custom") };
        assert_eq!(data.get(), "{}");
    }
}

#[test]
fn a_heartbeat_is_one_whatever_its_time() {
    for text in [r#"{"type":"heartbeat","timestamp":7}"#, r#"{"type":"heartbeat","timestamp":""}"#] {
        assert!(matches!(AgentFrame::parse(text), Ok(AgentFrame::Heartbeat { timestamp: None })), "{text}");
    }
}

#[test]
fn what_is_no_frame_says_what_is_wrong_with_it() {
    for (text, message) in [
        ("", "the frame is not a JSON object"),
        ("secret", "the frame is not a JSON object"),
        ("[]", "the frame is not a JSON object"),
        (r#"{"type":"heartbeat"} {}"#, "the frame is not a JSON object"),
        ("{}", "the frame has no `type`"),
        (r#"{"type":7}"#, "the frame has no `type`"),
        (r#"{"type":""}"#, "the frame has no `type`"),
        (
            r#"{"type":"channel.subscribe"}"#,
            "malformed `channel.subscribe`: `channelId` must be a string that is not empty",
        ),
        (
            r#"{"type":"channel.unsubscribe","channelId":""}"#,
            "malformed `channel.unsubscribe`: `channelId` must be a string that is not empty",
        ),
        (
            r#"{"type":"channel.subscribe","channelId":{"a":1}}"#,
            "malformed `channel.subscribe`: `channelId` must be a string that is not empty",
        ),
    ] {
        assert_eq!(AgentFrame::parse(text).expect_err(text).to_string(), message);
    }
    for text in ["", "[1]", "{}", r#"{"type":[]}"#] {
        GatewayEvent::parse(text).expect_err(text);
    }
}

#[test]
fn data_may_be_deeper_than_anybody_could_read() {
    let data = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(r#"{{"type":"x","data":{data}}}"#);
    let event = GatewayEvent::parse(&text).expect("its data stays raw");
    assert_eq!(event.data.get(), data);
    serde_json::from_str::<Value>(event.data.get()).expect_err("nobody reads so deep");
    assert!(matches!(AgentFrame::parse(&text), Ok(AgentFrame::Custom { .. })));
}

#[test]
fn no_frame_of_an_agents_passes_for_an_event_of_the_protocol() {
    for kind in [
        event::CHANNEL_MESSAGE,
        event::PRESENCE_JOINED,
        event::CONNECTION_STATE,
        event::TOOL_CALL,
        "channel.of a newer version",
    ] {
        let text = json!({"type": kind, "data": {}}).to_string();
        assert!(matches!(AgentFrame::parse(&text), Err(FrameError::UnknownType(found)) if found == kind), "{kind}");
    }
}

#[test]
fn bodies_have_the_members_of_the_protocol() {
    travels(&Connect::new(), &json!({}));
    let connect = Connect::new().with_client("agent", "1.0").with_metadata(raw(r#"{"a":1}"#).to_owned());
    travels(&connect, &json!({"clientName": "agent", "clientVersion": "1.0", "metadata": {"a": 1}}));
    travels(
        &Connected::new("s", "a", "0x1", "t"),
        &json!({"sessionId": "s", "agentId": "a", "address": "0x1", "connectedAt": "t"}),
    );
    travels(&Ticket::new("x"), &json!({"ticket": "x"}));
    travels(&HeartbeatReply::new("t"), &json!({"success": true, "lastHeartbeat": "t"}));
    let status = Status::new("a", "0x1", "active");
    let without = json!({"agentId": "a", "address": "0x1", "displayName": null, "status": "active", "session": null});
    travels(&status, &without);
    let session = json!({"sessionId": "s", "connectedAt": "t", "lastHeartbeat": "u"});
    let with = json!({"agentId": "a", "address": "0x1", "displayName": "A", "status": "active", "session": session});
    travels(&status.with_display_name("A").with_session(SessionInfo::new("s", "t", "u")), &with);
    travels(&Disconnect::default(), &json!({}));
    travels(&Disconnect::new("s"), &json!({"sessionId": "s"}));
    travels(&Done::new(), &json!({"success": true}));
}

#[test]
fn lists_have_the_members_of_the_protocol() {
    let agent = AgentPresence::new("a", "0x1", "t", "u").with_display_name("A");
    let member =
        json!({"agentId": "a", "address": "0x1", "displayName": "A", "connectedAt": "t", "lastHeartbeat": "u"});
    travels(&agent, &member);
    let page = json!({"agents": [member.clone()], "total": 7, "limit": 1, "offset": 3});
    travels(&Presence::new(vec![agent.clone()], 7, 1, 3), &page);
    let array: Presence = serde_json::from_value(json!([member])).expect("an array is all there are");
    assert_eq!(array, Presence::new(vec![agent], 1, 1, 0));

    let channel = Channel::new("c", "general", "General", "t");
    let member = json!({
        "id": "c", "slug": "general", "name": "General", "isMember": false, "memberCount": 0, "createdAt": "t"
    });
    travels(&Channels::new(vec![channel.clone()]), &json!({"channels": [member]}));
    travels(
        &NewChannel::new("general", "General").with_description("For all."),
        &json!({"slug": "general", "name": "General", "description": "For all."}),
    );
    travels(&NewMessage::new("Hello!"), &json!({"content": "Hello!", "messageType": "text"}));
    let said = json!({
        "id": "m", "channelId": "c", "channelSlug": "general", "channelName": "General", "agentId": "a", "from": "0x1",
        "fromName": "A", "messageType": "text", "content": "Hello!", "createdAt": "t"
    });
    let message = ChannelMessage::new("m", &channel, "0x1", NewMessage::new("Hello!"), "t");
    travels(&message.with_agent_id("a").with_from_name("A"), &said);
}

#[test]
fn what_a_gateway_leaves_out_is_filled_in() {
    let channels: Channels = serde_json::from_value(json!({"channels": [{"id": "c"}]})).expect("a channel has an id");
    assert!(!channels.channels[0].is_member);
    let message: ChannelMessage = serde_json::from_str(r#"{"from":"0x1","content":"Hello!"}"#).expect("a message");
    assert_eq!((&*message.message_type, &*message.channel_id), ("text", ""));
    serde_json::from_str::<Presence>(r#"{"agents":[{"agentId":"a"}]}"#).expect("an agent has an id");
}

#[test]
fn paths_lead_nowhere_else_whatever_the_id() {
    assert_eq!(path::join("c-1"), "/v1/channels/c-1/join");
    assert_eq!(path::leave("../../admin?x"), "/v1/channels/..%2F..%2Fadmin%3Fx/leave");
    assert_eq!(path::messages(".."), "/v1/channels/%2E%2E/messages");
    assert_eq!(path::socket("a+b/c=="), "/ws/runtime?ticket=a%2Bb%2Fc%3D%3D");
    assert_eq!(path::page(path::CHANNELS, 50, 0), "/v1/channels?limit=50&offset=0");
}

#[test]
fn a_failure_is_described_in_whatever_words_there_are() {
    for (body, words) in [
        (r#"{"error":"no session"}"#, Some("no session")),
        (r#"{"message":" no session\n"}"#, Some("no session")),
        (r#"{"detail":"no session"}"#, Some("no session")),
        (r#"{"error":{"message":"no session","code":7}}"#, Some("no session")),
        (r#"{"error":7,"detail":"no session"}"#, Some("no session")),
        (r#"{"error":"two\u0007\nlines"}"#, Some("two  lines")),
        (r#"{"error":""}"#, None),
        (r#"{"detail":[{"loc":[]}]}"#, None),
        ("[]", None),
        ("<html>", None),
        ("", None),
    ] {
        assert_eq!(Failure::read(body.as_bytes()).map(|failure| failure.error).as_deref(), words, "{body}");
    }
    let long = json!({"error": "é".repeat(10_000)}).to_string();
    assert_eq!(Failure::read(long.as_bytes()).expect("words").error, "é".repeat(512));
    assert_eq!(serde_json::to_value(Failure::new("x")).expect("it serializes"), json!({"error": "x"}));
}

#[test]
fn debug_shows_no_ticket_and_nothing_that_somebody_says() {
    let data = raw(r#"{"a":"hunter2"}"#);
    let channel = Channel::new("c", "general", "General", "t");
    let message = || NewMessage::new("hunter2").with_metadata(data.to_owned());
    for debug in [
        format!("{:?}", Ticket::new("hunter2")),
        format!("{:?}", AgentFrame::Custom { kind: "x".into(), data }),
        format!("{:?}", GatewayEvent::new("x", "t", data)),
        format!("{:?}", Connect::new().with_metadata(data.to_owned())),
        format!("{:?}", message()),
        format!("{:?}", ChannelMessage::new("m", &channel, "0x1", message(), "t")),
    ] {
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}
