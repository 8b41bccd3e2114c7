//! Tests of [`ChannelStore`](crate::ports::channels::ChannelStore) and [`SessionStore`](crate::ports::sessions::SessionStore).

use super::{TestStore, conformance};
use crate::domain::channel::{AddedChannel, ChannelAddition, ChannelBounds, ChannelLimits, StoredChannelMessage};
use crate::domain::generation::Generation;
use crate::domain::ids::{AgentId, ChannelId, MessageId, SessionId};
use crate::domain::session::{SessionWrite, StoredSession, WriteEffect};

const COUNT: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM channels";

const COUNT_MESSAGES: &str = "SELECT (SELECT COUNT(*) FROM channels) * 512 + CAST(COALESCE(SUM(\
                              octet_length(content) + COALESCE(octet_length(metadata), 0) + 128), 0) AS BIGINT) \
                              FROM channel_messages";

const WIDE: ChannelBounds = ChannelBounds { messages: 1000, bytes: i64::MAX, project_bytes: i64::MAX };

fn limits(of_project: i64, of_agent: i64) -> ChannelLimits {
    ChannelLimits { of_project, of_agent }
}

struct ChannelTest {
    store: TestStore,
    agent: AgentId,
}

impl ChannelTest {
    async fn new(store: TestStore) -> Self {
        let agent = store.agent("scout").await;
        Self { store, agent }
    }

    async fn add(&self, id: &str, limits: ChannelLimits) -> ChannelAddition {
        let channel = AddedChannel {
            id: id.into(),
            project_id: self.store.project.clone(),
            slug: id.to_owned(),
            name: id.to_owned(),
            description: None,
            metadata: "{}".to_owned(),
            created_ms: 1,
        };
        self.store.add_channel(&channel, &self.agent, limits).await.unwrap()
    }

    fn message(&self, content: &str) -> StoredChannelMessage {
        StoredChannelMessage {
            id: MessageId::random(),
            agent_id: self.agent.clone(),
            address: "scout".to_owned(),
            from_name: None,
            message_type: "text".to_owned(),
            content: content.to_owned(),
            metadata: Some("{}".to_owned()),
            created_ms: 5,
            position: 0,
        }
    }

    fn session(&self) -> StoredSession {
        StoredSession {
            id: SessionId::random(),
            agent_id: self.agent.clone(),
            project_id: self.store.project.clone(),
            address: "scout".to_owned(),
            title: None,
            metadata: "{}".to_owned(),
            connected_ms: 1,
            heartbeat_ms: 1,
            generation: Generation::stored(5 * 1024 + 1),
        }
    }

    async fn say(&self, channel: &str, content: &str, bounds: ChannelBounds) {
        let write = SessionWrite::Message { channel: &channel.into(), message: &self.message(content) };
        let effects = self.store.write_sessions(&[write], bounds).await.unwrap();
        assert!(matches!(*effects, [WriteEffect::Sent { .. }]), "{effects:?}");
    }

    async fn write(&self, write: SessionWrite<'_>) {
        self.store.write_sessions(&[write], WIDE).await.unwrap();
    }

    async fn said(&self, channel: &str) -> Vec<String> {
        let messages = self.store.channel_messages(&channel.into(), i64::MAX, 100).await.unwrap();
        messages.into_iter().map(|message| message.content).collect()
    }

    /// The sums that are kept are those of what is there.
    async fn adds_up(&self) {
        let recorded = self.store.usage("channels").await;
        assert_eq!(recorded, self.store.numbers(COUNT).await);
        assert_eq!(recorded[1..], self.store.numbers(COUNT_MESSAGES).await);
    }
}

async fn the_oldest_messages_of_a_channel_make_room(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    assert_eq!(talk.add("a", limits(10, 10)).await, ChannelAddition::Added);
    for number in 0..5 {
        talk.say("a", &number.to_string(), ChannelBounds { messages: 3, ..WIDE }).await;
    }
    assert_eq!(talk.said("a").await, ["2", "3", "4"]);
    let small = ChannelBounds { bytes: 512 + 3000, ..WIDE };
    for number in 5..8 {
        talk.say("a", &number.to_string().repeat(1000), small).await;
    }
    assert_eq!(talk.said("a").await, ["6".repeat(1000), "7".repeat(1000)]);
    talk.say("a", &"8".repeat(9000), small).await;
    assert_eq!(talk.said("a").await, ["8".repeat(9000)], "the newest stays");
    talk.adds_up().await;
}

async fn the_largest_channel_makes_room_for_the_project(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    for id in ["large", "small"] {
        assert_eq!(talk.add(id, limits(10, 10)).await, ChannelAddition::Added);
    }
    let bounds = ChannelBounds { project_bytes: 2 * 512 + 5000, ..WIDE };
    for (channel, text) in [("small", "s"), ("large", "a"), ("large", "b"), ("large", "c")] {
        talk.say(channel, &text.repeat(1000), bounds).await;
    }
    talk.say("small", &"t".repeat(1000), bounds).await;
    assert_eq!(talk.said("small").await.len(), 2);
    assert_eq!(talk.said("large").await, ["b".repeat(1000), "c".repeat(1000)]);
    talk.adds_up().await;
}

async fn a_project_and_an_agent_have_a_bounded_number_of_channels(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    assert_eq!(talk.add("a", limits(2, 10)).await, ChannelAddition::Added);
    assert_eq!(talk.add("a", limits(2, 10)).await, ChannelAddition::SlugTaken);
    assert_eq!(talk.add("b", limits(2, 10)).await, ChannelAddition::Added);
    assert_eq!(talk.add("c", limits(2, 10)).await, ChannelAddition::ProjectIsFull);
    assert_eq!(talk.add("c", limits(10, 2)).await, ChannelAddition::AgentIsFull);
    talk.write(SessionWrite::RemoveChannel(&"a".into())).await;
    assert_eq!(talk.add("c", limits(2, 2)).await, ChannelAddition::Added);
    talk.adds_up().await;
}

async fn a_channel_without_members_in_which_nothing_happens_is_deleted(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    for id in ["left", "member"] {
        assert_eq!(talk.add(id, limits(10, 10)).await, ChannelAddition::Added);
    }
    talk.write(SessionWrite::Leave { channel: &"left".into(), agent: &talk.agent, now_ms: 100 }).await;
    talk.store.forget_channels_before(100).await.unwrap();
    assert_eq!(talk.store.channel_count(&talk.store.project).await.unwrap(), 2, "somebody left it just now");
    talk.store.forget_channels_before(101).await.unwrap();
    let left = talk.store.channels(&talk.store.project, Some(&talk.agent), 10, 0).await.unwrap();
    assert_eq!(left.iter().map(|channel| (&*channel.slug, channel.is_member)).collect::<Vec<_>>(), [("member", true)]);
    let without_agent = talk.store.channels(&talk.store.project, None, 10, 0).await.unwrap();
    assert_eq!(
        without_agent.iter().map(|channel| (&*channel.slug, channel.is_member)).collect::<Vec<_>>(),
        [("member", false)]
    );
    talk.adds_up().await;
}

async fn a_write_that_fails_undoes_those_before_it_and_a_stranger_says_nothing(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    assert_eq!(talk.add("a", limits(10, 10)).await, ChannelAddition::Added);
    let (channel, session) = (ChannelId::from("a"), talk.session());
    let stranger = StoredChannelMessage { agent_id: "agent_other".into(), ..talk.message("hello") };
    let writes = [SessionWrite::Put(&session), SessionWrite::Message { channel: &channel, message: &stranger }];
    let effects = talk.store.write_sessions(&writes, WIDE).await.unwrap();
    assert_eq!(effects, [WriteEffect::Began(session.generation), WriteEffect::Nothing]);
    talk.store.execute("ALTER TABLE channel_messages RENAME TO hidden_messages").await;
    let message = talk.message("hello");
    let remove = SessionWrite::Remove { agent: &talk.agent, session: &session.id };
    let writes = [remove, SessionWrite::Message { channel: &channel, message: &message }];
    talk.store.write_sessions(&writes, WIDE).await.unwrap_err();
    assert_eq!(talk.store.runtime_sessions().await.unwrap().len(), 1, "all or nothing");
    talk.store.execute("ALTER TABLE hidden_messages RENAME TO channel_messages").await;
    talk.write(SessionWrite::Remove { agent: &talk.agent, session: &session.id }).await;
    assert!(talk.store.runtime_sessions().await.unwrap().is_empty());
}

async fn of_two_sessions_the_later_write_stays_whatever_the_clocks_of_their_gateways_say(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    let generation = |number: i64| Generation::stored(number);
    let ahead = StoredSession { generation: generation(90 * 1024 + 1), ..talk.session() };
    let behind = StoredSession { generation: generation(20 * 1024 + 2), ..talk.session() };
    for (session, expected) in [(&ahead, 90 * 1024 + 1), (&behind, 91 * 1024 + 2), (&ahead, 92 * 1024 + 1)] {
        let effects = talk.store.write_sessions(&[SessionWrite::Put(session)], WIDE).await.unwrap();
        assert_eq!(effects, [WriteEffect::Began(generation(expected))]);
        let stored = talk.store.runtime_sessions().await.unwrap();
        assert_eq!((&stored[0].id, stored[0].generation), (&session.id, generation(expected)));
    }
}

async fn a_session_that_was_heard_from_meanwhile_is_not_removed_as_silent(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    let session = talk.session();
    let heartbeats = [(session.id.clone(), talk.agent.clone(), 50)];
    talk.write(SessionWrite::Put(&session)).await;
    talk.write(SessionWrite::Heartbeats(&heartbeats)).await;
    for (heard_ms, effect) in [(49, WriteEffect::Nothing), (50, WriteEffect::Made), (50, WriteEffect::Nothing)] {
        let remove = SessionWrite::RemoveSilent { agent: &talk.agent, session: &session.id, heard_ms };
        assert_eq!(talk.store.write_sessions(&[remove], WIDE).await.unwrap(), [effect]);
    }
    assert!(talk.store.runtime_sessions().await.unwrap().is_empty());
}

async fn positions_of_messages_have_no_holes_and_messages_are_found_by_them(store: TestStore) {
    let talk = ChannelTest::new(store).await;
    talk.add("a", limits(10, 10)).await;
    let (channel, bounds) = (ChannelId::from("a"), ChannelBounds { messages: 3, ..WIDE });
    for position in 0..6 {
        assert_eq!(talk.store.next_position(&channel).await.unwrap(), position);
        let message = talk.message(&position.to_string());
        let write = SessionWrite::Message { channel: &channel, message: &message };
        assert_eq!(talk.store.write_sessions(&[write], bounds).await.unwrap(), [WriteEffect::Sent { position }]);
    }
    for (from, limit, expected) in [(0, 10, vec![3, 4, 5]), (4, 10, vec![4, 5]), (3, 2, vec![3, 4]), (6, 10, vec![])] {
        let messages = talk.store.channel_messages_from(&channel, from, limit).await.unwrap();
        assert_eq!(messages.iter().map(|message| message.position).collect::<Vec<_>>(), expected);
    }
}

conformance!(
    of_two_sessions_the_later_write_stays_whatever_the_clocks_of_their_gateways_say,
    a_session_that_was_heard_from_meanwhile_is_not_removed_as_silent,
    positions_of_messages_have_no_holes_and_messages_are_found_by_them,
    the_oldest_messages_of_a_channel_make_room,
    the_largest_channel_makes_room_for_the_project,
    a_project_and_an_agent_have_a_bounded_number_of_channels,
    a_channel_without_members_in_which_nothing_happens_is_deleted,
    a_write_that_fails_undoes_those_before_it_and_a_stranger_says_nothing,
);
