//! [`BlockingHandlers`]: finds handlers that block a thread for long, and names their tools in the log. Further calls of such a tool get
//! threads of their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::dispatch::CallKey;
use crate::registry::{PollPlace, RegisteredTool};
use crate::tool::Context;

/// The handlers that block a thread. It looks at the polls of handlers from time to time, while calls run.
#[derive(Debug, Default)]
pub(super) struct BlockingHandlers {
    next_look: Option<Instant>,
    /// The polls that the last look found, and when each was first seen.
    seen: HashMap<CallKey, (u32, Instant)>,
    /// The time at which each tool was named last. A tool is named once in a while, so there are few.
    named: HashMap<String, Instant>,
}

impl BlockingHandlers {
    /// Returns true if a look is to come.
    pub(super) fn is_looking(&self) -> bool {
        self.next_look.is_some()
    }

    pub(super) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_look.is_some_and(|look| look <= now)
    }

    pub(super) fn look_soon(&mut self, now: Instant) {
        self.next_look = Some(now + LOOK);
    }

    /// Names the tools whose handlers have not returned from a poll for long. Their next calls get threads of their own.
    pub(super) fn look<'a>(
        &mut self,
        polls: impl Iterator<Item = (CallKey, &'a Arc<RegisteredTool>, &'a Context, u32)>,
        now: Instant,
    ) {
        let before = std::mem::take(&mut self.seen);
        for (key, tool, context, poll) in polls {
            let since = match before.get(&key) {
                Some((last, since)) if *last == poll => *since,
                _ => now,
            };
            self.seen.insert(key, (poll, since));
            let held = now.saturating_duration_since(since);
            if held >= LONG {
                tool.poll_history().demote_to(PollPlace::Thread);
                self.name(tool.name(), context.call_id(), held, now);
            }
        }
        // Armed again by the next look for calls that run.
        self.next_look = None;
    }

    fn name(&mut self, tool: &str, call_id: &str, held: Duration, now: Instant) {
        let is_recent = |named: &Instant| now.saturating_duration_since(*named) < NAMED_ONCE_IN;
        self.named.retain(|_, named| is_recent(named));
        if self.named.contains_key(tool) {
            return;
        }
        self.named.insert(tool.to_owned(), now);
        warn!(
            tool.name = tool,
            call.id = call_id,
            held_ms = held.as_millis(),
            "tool still holds its thread: declare it as a sync function, or move the part that blocks into \
             `tokio::task::spawn_blocking`"
        );
    }
}

/// A handler that does not return from a poll for so long keeps its thread from other work.
const LONG: Duration = Duration::from_secs(1);

/// The time between two looks at the calls that run.
const LOOK: Duration = Duration::from_millis(250);

/// A tool is named once in so long.
const NAMED_ONCE_IN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::tests::Named;
    use super::*;
    use crate::registry::ToolRegistry;
    use crate::tool::Params;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_tool_gets_threads_once_one_poll_has_taken_a_second_and_is_named_once_a_minute() {
        let registry = ToolRegistry::new().with_tools(Named("slow")).expect("a valid tool");
        let tool = registry.find("slow").expect("it is there");
        let context = Context::new("c".into(), Params::from("{}".to_owned()));
        let (mut blocking, start) = (BlockingHandlers::default(), Instant::now());
        let mut look = |poll, after: Duration| {
            blocking.look([(CallKey::of(1), &tool, &context, poll)].into_iter(), start + after);
            blocking.named.get("slow").map(|named| *named - start)
        };
        assert_eq!(look(1, Duration::ZERO), None);
        assert_eq!(look(3, SECOND), None, "that is another poll");
        assert_eq!(tool.poll_history().place(), PollPlace::Link);
        assert_eq!(look(3, 2 * SECOND), Some(2 * SECOND));
        assert_eq!(tool.poll_history().place(), PollPlace::Thread);
        assert_eq!(look(3, 61 * SECOND), Some(2 * SECOND));
        assert_eq!(look(3, 62 * SECOND), Some(62 * SECOND));
    }
}
