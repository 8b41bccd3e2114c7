//! [`Streamed`]: sends a chat completion as server-sent events while the agent answers.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::completion_json::Head;
use super::errors::body;
use super::request::{AnswerFormat, Request};
use crate::agents::chat::ChatPermit;
use crate::agents::{ChatEvent, ChatSink, Usage};
use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::listen::http::ErrorView;

/// A run that fails this early is answered with the status of what went wrong; after that there is only the stream to say it in.
const EARLY: Duration = Duration::from_secs(3);

/// A run, and its text that is not sent yet. It lives in the body of the response, so that it ends when nobody reads that any more.
pub(super) struct Streamed {
    run: BoxFuture<'static, Result<Usage, Error>>,
    unsent: Arc<UnsentText>,
    head: Head,
    form: AnswerFormat,
}

/// The text that is not sent yet. It is never more than the run's whole text.
#[derive(Default)]
struct UnsentText {
    text: Mutex<String>,
    news: Notify,
}

/// The next step of the stream.
enum Next {
    Said,
    Over(Result<Usage, Error>),
}

impl Streamed {
    pub(super) fn new(core: Arc<Core>, caller: Caller, permit: ChatPermit, request: Request) -> Self {
        let unsent = Arc::new(UnsentText::default());
        let (head, form, sink) = (Head::new(&request.agent), request.form, Arc::clone(&unsent));
        let run = async move {
            let (_, answer) = core.conversations.complete(&caller, permit, request.completion(), &*sink).await?;
            Ok(answer.usage)
        };
        Self { run: run.boxed(), unsent, head, form }
    }

    /// Begins to answer when there is something to say.
    pub(super) async fn respond(mut self) -> Result<Response, ErrorView> {
        let first = match timeout(EARLY, self.next()).await {
            Ok(Next::Over(Err(error))) if self.unsent.is_empty() => return Err(error.into()),
            first => first.ok(),
        };
        let begin = stream::iter([event(&self.head.first_chunk())]);
        let rest = stream::unfold(Some((self, first)), async |state| {
            let (mut streamed, first) = state?;
            let next = match first {
                Some(next) => next,
                None => streamed.next().await,
            };
            let (events, is_over) = streamed.events(next);
            Some((stream::iter(events), (!is_over).then_some((streamed, None))))
        });
        let events = begin.chain(rest.flatten()).map(Ok::<_, Infallible>);
        Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
    }

    /// Both arms are cancel-safe: the run is kept, and what it says is kept until it is taken.
    async fn next(&mut self) -> Next {
        tokio::select! {
            biased;
            end = &mut self.run => Next::Over(end),
            () = self.unsent.news.notified() => Next::Said,
        }
    }

    /// The events for the client, and true if they are the last ones.
    fn events(&self, next: Next) -> (Vec<Event>, bool) {
        let text = self.unsent.take();
        let mut events = Vec::new();
        if !text.is_empty() {
            events.push(event(&self.head.text_chunk(&text)));
        }
        let is_over = match next {
            Next::Said => false,
            Next::Over(Ok(usage)) => {
                events.push(event(&self.head.last_chunk()));
                if self.form == AnswerFormat::StreamWithUsage {
                    events.push(event(&self.head.usage_chunk(usage)));
                }
                events.push(Event::default().data("[DONE]"));
                true
            }
            Next::Over(Err(error)) => {
                events.push(event(&body(&error.into())));
                true
            }
        };
        (events, is_over)
    }
}

impl UnsentText {
    fn take(&self) -> String {
        std::mem::take(&mut lock(&self.text))
    }

    fn is_empty(&self) -> bool {
        lock(&self.text).is_empty()
    }
}

impl ChatSink for UnsentText {
    fn event(&self, event: ChatEvent<'_>) {
        if let ChatEvent::Said { delta, .. } = event {
            lock(&self.text).push_str(delta);
            self.news.notify_one();
        }
    }
}

fn event(data: &Value) -> Event {
    // JSON has no line ends, which data must not have.
    Event::default().data(data.to_string())
}
