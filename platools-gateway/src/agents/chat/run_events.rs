//! [`RunEvents`]: tells a [`ChatSink`] that a run begins and, exactly once, that the run ended.

use crate::agents::{ChatEvent, ChatSink};
use crate::domain::ids::ConversationId;

/// Sends the begin and the end of one run. Dropped before [`completed`](Self::completed), the run has failed: with an error, by a panic, or
/// because its caller gave it up.
pub(super) struct RunEvents<'a> {
    sink: &'a dyn ChatSink,
    conversation: &'a ConversationId,
    is_completed: bool,
}

impl<'a> RunEvents<'a> {
    /// Tells the sink that a run begins.
    pub(super) fn begin(sink: &'a dyn ChatSink, conversation: &'a ConversationId) -> Self {
        sink.event(ChatEvent::Started { conversation });
        Self { sink, conversation, is_completed: false }
    }

    /// Tells the sink that the run has ended with an answer.
    pub(super) fn completed(mut self) {
        self.is_completed = true;
    }
}

impl Drop for RunEvents<'_> {
    fn drop(&mut self) {
        let Self { sink, conversation, is_completed } = *self;
        sink.event(match is_completed {
            true => ChatEvent::Completed { conversation },
            false => ChatEvent::Failed { conversation },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use futures::future::{BoxFuture, join_all, pending};
    use futures::{FutureExt as _, select_biased};
    use tokio::sync::Notify;

    use crate::agents::chat::{ChatRequest, ChatSettings, WhenBusy};
    use crate::agents::{AgentRunner, ChatEvent, ChatSink, Message, RunInput, RunOutput, RunTools, Speech};
    use crate::core::Core;
    use crate::core::CoreOptions;
    use crate::domain::agent_profile::{AgentKind, Profile};
    use crate::domain::error::{Error, ErrorKind};
    use crate::domain::identity::Caller;
    use crate::domain::ids::{ConversationId, RunId};
    use crate::limits::Limits;

    /// The handling of a new message.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fate {
        Answered,
        Error,
        Panic,
        /// The caller gives the run up once it has begun.
        Aborted,
        /// The caller gives the message up before its turn.
        Abandoned,
    }

    const FATES: [Fate; 5] = [Fate::Answered, Fate::Error, Fate::Panic, Fate::Aborted, Fate::Abandoned];

    impl Fate {
        /// The last event of its run; none of a run that never began.
        fn last(self) -> Option<&'static str> {
            match self {
                Self::Answered => Some("completed"),
                Self::Error | Self::Panic | Self::Aborted => Some("failed"),
                Self::Abandoned => None,
            }
        }
    }

    /// An agent that does what a message says.
    #[derive(Debug)]
    struct Obedient;

    impl AgentRunner for Obedient {
        fn run<'a>(
            &'a self,
            input: RunInput<'a>,
            _: &'a RunTools<'a>,
            speech: &'a Speech<'a>,
        ) -> BoxFuture<'a, Result<RunOutput, Error>> {
            // Before the future is there, too, an agent may panic.
            assert!(!input.message.contains("Panic early"), "as the message says");
            async move {
                match input.message {
                    message if message.contains("Answered") => {
                        speech.say("yes");
                        Ok(RunOutput { messages: vec![Message::assistant("yes", Vec::new())], ..RunOutput::default() })
                    }
                    message if message.contains("Error") => Err(Error::new(ErrorKind::AgentFailed, "no")),
                    message if message.contains("Panic") => panic!("as the message says"),
                    _ => pending().await,
                }
            }
            .boxed()
        }
    }

    /// The events of several runs, in the order in which they came.
    #[derive(Default)]
    struct Log(Mutex<Vec<(usize, &'static str)>>);

    /// The events of one run.
    struct Told<'a> {
        log: &'a Log,
        run: usize,
        started: Notify,
    }

    impl ChatSink for Told<'_> {
        fn event(&self, event: ChatEvent<'_>) {
            let name = match event {
                ChatEvent::Started { .. } => {
                    self.started.notify_one();
                    "started"
                }
                ChatEvent::Completed { .. } => "completed",
                ChatEvent::Failed { .. } => "failed",
                _ => return,
            };
            self.log.0.lock().unwrap().push((self.run, name));
        }
    }

    async fn core(folder: &std::path::Path, limits: &Limits, chat: ChatSettings) -> (Core, Caller) {
        let model = Some(Arc::new(Obedient) as _);
        let options = CoreOptions { limits: limits.clone(), model, chat, ..CoreOptions::default() };
        let core = Core::open_with(folder, options).await.unwrap();
        let profile = Profile { kind: AgentKind::Model, ..Profile::default() };
        core.local_admin().add_agent("desk", profile).await.unwrap();
        let caller = Caller {
            project_id: core.authenticator.anonymous().project_id,
            user_id: Some("u-1".to_owned()),
            ..Caller::sample("key_operator")
        };
        (core, caller)
    }

    fn request(message: String, conversation: Option<&ConversationId>) -> ChatRequest {
        let (agent, channel) = ("desk".to_owned(), "test".to_owned());
        ChatRequest { agent, message, conversation: conversation.cloned(), channel }
    }

    /// Says one message of each fate at once in one conversation, and returns the events.
    async fn events_of(core: &Core, caller: &Caller, fates: &[Fate]) -> Vec<(usize, &'static str)> {
        let id = core.conversations.open(caller, request("hi".to_owned(), None)).await.unwrap().conversation().clone();
        let turn = core.conversations.runs.turn(&id, WhenBusy::Queue).await.unwrap();
        let (log, run_id) = (Log::default(), RunId::random());
        let told: Vec<_> = (0..fates.len()).map(|run| Told { log: &log, run, started: Notify::new() }).collect();
        let mut waiting = VecDeque::new();
        for ((number, fate), told) in fates.iter().enumerate().zip(&told) {
            let opened =
                core.conversations.open(caller, request(format!("{number}: {fate:?}"), Some(&id))).await.unwrap();
            let mut answer = Box::pin(opened.answer(&run_id, told));
            assert!(answer.as_mut().now_or_never().is_none(), "it waits for its turn");
            waiting.push_back((*fate, told, answer));
        }
        waiting.retain(|(fate, ..)| *fate != Fate::Abandoned);
        drop(turn);
        let ends = waiting.into_iter().map(async |(fate, told, answer)| {
            let (mut answer, mut stop) = (answer.fuse(), Box::pin(told.started.notified()).fuse());
            let is_ok = match fate {
                Fate::Aborted => select_biased! { () = stop => false, end = answer => end.is_ok() },
                _ => answer.await.is_ok(),
            };
            assert_eq!(is_ok, fate == Fate::Answered, "{fate:?}");
        });
        tokio::time::timeout(Duration::from_secs(60), join_all(ends)).await.expect("all of them end");
        log.0.into_inner().unwrap()
    }

    #[tokio::test]
    async fn every_run_that_starts_ends_exactly_once_and_before_the_next_one_starts_whatever_becomes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut limits = Limits::default();
        limits.key.chats_per_second = std::num::NonZeroU32::new(1_000_000).unwrap();
        let (core, caller) = core(folder.path(), &limits, ChatSettings::default()).await;
        for number in 0..FATES.len().pow(3) {
            let fates = [number / 25, number / 5 % 5, number % 5].map(|fate| FATES[fate]);
            let begun = fates.iter().enumerate().filter_map(|(run, fate)| Some((run, fate.last()?)));
            let expected: Vec<_> = begun.flat_map(|(run, last)| [(run, "started"), (run, last)]).collect();
            assert_eq!(events_of(&core, &caller, &fates).await, expected, "{fates:?}");
        }
    }

    #[tokio::test]
    async fn an_agent_that_panics_has_failed_and_its_conversation_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (core, caller) = core(folder.path(), &Limits::default(), ChatSettings::default()).await;
        let run = RunId::random();
        let opened = core.conversations.open(&caller, request("Answered".to_owned(), None)).await.unwrap();
        let id = opened.answer(&run, &()).await.unwrap().conversation;
        for message in ["Panic", "Panic early"] {
            let error =
                core.conversations.chat(&caller, request(message.to_owned(), Some(&id)), &run, &()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AgentFailed);
            assert!(error.to_string().contains("a fault in the gateway"), "{error}");
        }
        core.conversations.chat(&caller, request("Answered".to_owned(), Some(&id)), &run, &()).await.unwrap();
    }

    #[tokio::test]
    async fn a_run_that_takes_too_long_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let chat = ChatSettings::default().with(|chat| chat.run_limit = Duration::from_millis(1));
        let (core, caller) = core(folder.path(), &Limits::default(), chat).await;
        let log = Log::default();
        for run in 0..2 {
            let told = Told { log: &log, run, started: Notify::new() };
            let ended =
                core.conversations.chat(&caller, request("Aborted".to_owned(), None), &RunId::random(), &told).await;
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::AgentTimeout);
        }
        let expected = [(0, "started"), (0, "failed"), (1, "started"), (1, "failed")];
        assert_eq!(*log.0.lock().unwrap(), expected);
    }
}
