//! Tests of [`ConversationStore`](crate::ports::conversations::ConversationStore).

use std::time::Duration;

use super::{TestStore, conformance};
use crate::domain::conversation::{
    ConversationBounds, ConversationFilter, MessagePage, RunPosition, StoredConversation,
};
use crate::domain::error::ErrorKind;
use crate::domain::ids::AgentId;
use crate::domain::message::Message;

const COUNT: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM conversations";

const COUNT_MESSAGES: &str = "SELECT (SELECT COUNT(*) FROM conversations) * 512 + \
                              CAST(COALESCE(SUM(octet_length(message) + 64), 0) AS BIGINT) FROM messages";

const WIDE: ConversationBounds =
    ConversationBounds { messages: 1000, bytes: i64::MAX, project_bytes: i64::MAX, of_user: 1000 };

struct ConversationTest {
    store: TestStore,
    agent: AgentId,
}

impl ConversationTest {
    async fn new(store: TestStore) -> Self {
        let agent = store.agent("scout").await;
        Self { store, agent }
    }

    async fn begin(&self, id: &str, user: &str, now_ms: i64, bounds: ConversationBounds) {
        let row = StoredConversation {
            id: id.into(),
            project_id: self.store.project.clone(),
            agent_id: self.agent.clone(),
            user_id: user.to_owned(),
            channel: "test".to_owned(),
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        self.store.add_conversation(&row, bounds).await.unwrap();
    }

    async fn say(&self, id: &str, text: &str, now_ms: i64, bounds: ConversationBounds) {
        self.store.add_messages(&id.into(), &[Message::user(text)], now_ms, bounds).await.unwrap();
    }

    async fn said(&self, id: &str, max_bytes: i64) -> Vec<String> {
        let messages = self.store.messages(&id.into(), 200, max_bytes).await.unwrap();
        let text = |message| match message {
            Message::User { content } => content,
            other => panic!("a user's message was expected: {other:?}"),
        };
        messages.into_iter().map(text).collect()
    }

    async fn left(&self) -> Vec<String> {
        let filter =
            ConversationFilter { project_id: self.store.project.clone(), user_id: None, agent_id: None, before: None };
        let listing = self.store.conversations(&filter, 100).await.unwrap();
        let mut ids: Vec<_> = listing.items.into_iter().map(|row| row.id.to_string()).collect();
        ids.sort();
        ids
    }

    /// The sums that are kept are those of what is there.
    async fn adds_up(&self) {
        let recorded = self.store.usage("conversations").await;
        assert_eq!(recorded, self.store.numbers(COUNT).await);
        assert_eq!(recorded[1..], self.store.numbers(COUNT_MESSAGES).await);
    }
}

async fn the_oldest_messages_of_a_conversation_make_room(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    talk.begin("a", "u-1", 1, WIDE).await;
    let few = ConversationBounds { messages: 3, ..WIDE };
    for number in 0..5 {
        talk.say("a", &number.to_string(), 1, few).await;
    }
    assert_eq!(talk.said("a", i64::MAX).await, ["2", "3", "4"]);
    talk.adds_up().await;
    let small = ConversationBounds { bytes: 512 + 3000, ..WIDE };
    for number in 5..8 {
        talk.say("a", &number.to_string().repeat(1000), 1, small).await;
    }
    assert_eq!(talk.said("a", i64::MAX).await, ["6".repeat(1000), "7".repeat(1000)]);
    talk.say("a", &"8".repeat(9000), 1, small).await;
    assert_eq!(talk.said("a", i64::MAX).await, ["8".repeat(9000)], "the newest stays");
    talk.adds_up().await;
    talk.store.clear_conversation(&"a".into()).await.unwrap();
    talk.adds_up().await;
}

async fn a_turn_is_told_the_newest_messages_that_fit(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    talk.begin("a", "u-1", 1, WIDE).await;
    for text in ["old", &"long".repeat(100), "new", "newest"] {
        talk.say("a", text, 1, WIDE).await;
    }
    assert_eq!(talk.said("a", 200).await, ["new", "newest"]);
    assert_eq!(talk.said("a", 10).await, [""; 0]);
    let page = MessagePage { before: i64::MAX, limit: 10, max_bytes: 10, at_least: 1 };
    let page = talk.store.stored_messages(&"a".into(), &page).await.unwrap();
    assert_eq!(page.iter().map(|message| message.position).collect::<Vec<_>>(), [3]);
}

async fn the_quietest_conversation_of_a_user_makes_room_for_another(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    let two = ConversationBounds { of_user: 2, ..WIDE };
    talk.begin("other", "u-2", 1, two).await;
    talk.begin("a", "u-1", 1, two).await;
    talk.begin("b", "u-1", 2, two).await;
    talk.say("a", "still in use", 3, two).await;
    talk.begin("c", "u-1", 4, two).await;
    assert_eq!(talk.left().await, ["a", "c", "other"]);
    talk.adds_up().await;
}

async fn the_user_with_most_makes_room_for_the_project(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    let bounds = ConversationBounds { project_bytes: 10_000, ..WIDE };
    for (id, user, at) in [("quiet", "u-1", 1), ("a", "u-2", 2), ("b", "u-2", 3), ("c", "u-2", 4)] {
        talk.begin(id, user, at, bounds).await;
        talk.say(id, &"x".repeat(1500), at, bounds).await;
    }
    assert_eq!(talk.left().await.len(), 4);
    talk.say("c", &"x".repeat(2500), 5, bounds).await;
    assert_eq!(talk.left().await, ["b", "c", "quiet"], "not the oldest of all, but the oldest of the user with most");
    talk.adds_up().await;
}

async fn conversations_without_a_message_for_long_are_deleted_and_those_of_an_agent_go_with_it(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    for (id, at) in [("old", 1), ("new", 100)] {
        talk.begin(id, "u-1", at, WIDE).await;
        talk.say(id, "hello", at, WIDE).await;
    }
    talk.store.forget_conversations_before(50).await.unwrap();
    assert_eq!(talk.left().await, ["new"]);
    talk.adds_up().await;
    talk.store.remove_agent(&talk.agent).await.unwrap();
    assert_eq!(talk.left().await, [""; 0]);
    talk.adds_up().await;
}

async fn runs_of_a_conversation_queue_up_to_a_limit_and_give_room_when_they_end_or_expire(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    let (id, minute) = ("a".into(), Duration::from_secs(60));
    let missing = talk.store.queue_run(&id, &"run_1".into(), minute, 9).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    talk.begin("a", "u-1", 1, WIDE).await;
    let queue = async |run: &str, lease, limit| talk.store.queue_run(&id, &run.into(), lease, limit).await.unwrap();
    let place = async |run: &str| talk.store.run_position(&id, &run.into()).await.unwrap();
    let renew = async |run: &str| talk.store.renew_run(&id, &run.into(), minute).await.unwrap();
    assert_eq!(queue("run_1", Duration::ZERO, 1).await, RunPosition::Turn);
    assert_eq!(renew("run_1").await, RunPosition::Turn, "no other run took its place");
    assert_eq!(queue("run_2", minute, 1).await, RunPosition::Nowhere);
    assert_eq!(queue("run_2", Duration::ZERO, 3).await, RunPosition::Waiting);
    assert_eq!(queue("run_3", minute, 3).await, RunPosition::Waiting, "one whose lease is over gives room");
    assert_eq!((place("run_1").await, place("run_2").await), (RunPosition::Turn, RunPosition::Nowhere));
    assert_eq!((place("run_3").await, renew("run_3").await), (RunPosition::Waiting, RunPosition::Waiting));
    talk.store.end_run(&id, &"run_1".into()).await.unwrap();
    assert_eq!((place("run_3").await, renew("run_3").await), (RunPosition::Turn, RunPosition::Turn));
    let words = [Message::user("hello")];
    let late = talk.store.add_messages_of_run((&id, &"run_1".into()), &words, 1, WIDE).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Interrupted);
    talk.store.add_messages_of_run((&id, &"run_3".into()), &words, 1, WIDE).await.unwrap();
    assert_eq!(talk.said("a", i64::MAX).await, ["hello"]);
    talk.adds_up().await;
    talk.store.remove_conversation(&id).await.unwrap();
    assert_eq!(renew("run_3").await, RunPosition::Nowhere);
    assert_eq!(talk.store.run_position(&id, &"run_3".into()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn runs_that_gateways_left_behind_are_removed(store: TestStore) {
    let talk = ConversationTest::new(store).await;
    talk.begin("a", "u-1", 1, WIDE).await;
    for run in ["run_1", "run_2"] {
        talk.store.queue_run(&"a".into(), &run.into(), Duration::from_secs(60), 9).await.unwrap();
    }
    talk.store.execute("UPDATE conversation_runs SET until_ms = until_ms - 7200000 WHERE run_id = 'run_1'").await;
    talk.store.forget_conversations_before(0).await.unwrap();
    assert_eq!(talk.store.numbers("SELECT COUNT(*), MIN(place) FROM conversation_runs").await, [1, 1]);
}

conformance!(
    the_oldest_messages_of_a_conversation_make_room,
    a_turn_is_told_the_newest_messages_that_fit,
    the_quietest_conversation_of_a_user_makes_room_for_another,
    the_user_with_most_makes_room_for_the_project,
    conversations_without_a_message_for_long_are_deleted_and_those_of_an_agent_go_with_it,
    runs_of_a_conversation_queue_up_to_a_limit_and_give_room_when_they_end_or_expire,
    runs_that_gateways_left_behind_are_removed,
);
