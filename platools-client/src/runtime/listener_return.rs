//! [`ListenerReturn`]: the values that a listener of events may return: `()`, a `Result`, or a future of either. [`HandlerOutcome`]
//! is one of the first two.

/// The return value of a listener: an outcome, or a future of one.
///
/// A listener is a function or a closure of one event. These forms fit, with any captured values that are `Clone`, `Send` and
/// `'static`:
///
/// ```no_run
/// # use platools_client::RuntimeClient;
/// # use tokio::sync::mpsc;
/// # async fn write(_: &str) -> std::io::Result<()> { Ok(()) }
/// # fn example(client: RuntimeClient, sender: mpsc::UnboundedSender<platools_client::ConnectionState>) {
/// // A plain closure.
/// client.on_state_change(move |state| sender.send(state));
///
/// // An async closure.
/// let path = "events.log".to_owned();
/// client.on("channel.message", async move |event| write(&format!("{path}: {}", event.kind())).await);
///
/// // A closure that returns a future.
/// let answering = client.clone();
/// client.on("ping", move |_| async move { answering.send(serde_json::json!({ "type": "pong" })).await });
/// # }
/// ```
///
/// The closure is cloned for each event, so a captured value that it changes is unchanged for the next event: share such a value
/// in an [`Arc`](std::sync::Arc), as an atomic or behind a mutex, or send it to a channel.
#[diagnostic::on_unimplemented(
    message = "a listener cannot return `{Self}`",
    label = "this listener returns `{Self}`",
    note = "a listener returns `()`, a `Result`, or a future of either: end the closure with `;` to return nothing"
)]
pub trait ListenerReturn<Mode>: sealed::Return<Mode> + 'static {}

/// The outcome of a listener: nothing, or a `Result`. An error is logged as a failed listener, without its text.
#[diagnostic::on_unimplemented(
    message = "a listener cannot end with `{Self}`",
    label = "not an outcome of a listener",
    note = "a listener returns `()` or a `Result`, at once or as the output of its future"
)]
pub trait HandlerOutcome: sealed::Outcome {}

impl HandlerOutcome for () {}
impl<T, E> HandlerOutcome for Result<T, E> {}

/// The listener has returned its outcome. A mode tells the two kinds of [`ListenerReturn`] apart, and is always inferred.
#[derive(Debug)]
pub struct AtOnce(());

/// The listener has returned a future of its outcome. See [`AtOnce`].
#[derive(Debug)]
pub struct Later(());

impl<T: HandlerOutcome + 'static> ListenerReturn<AtOnce> for T {}
impl<F: Future<Output: HandlerOutcome> + Send + 'static> ListenerReturn<Later> for F {}

mod sealed {
    use std::future::ready;

    use super::{AtOnce, HandlerOutcome, Later};

    pub trait Outcome {
        fn is_failure(&self) -> bool;
    }

    impl Outcome for () {
        fn is_failure(&self) -> bool {
            false
        }
    }

    impl<T, E> Outcome for Result<T, E> {
        fn is_failure(&self) -> bool {
            self.is_err()
        }
    }

    pub trait Return<Mode> {
        fn has_failed(self) -> impl Future<Output = bool> + Send;
    }

    impl<T: HandlerOutcome> Return<AtOnce> for T {
        fn has_failed(self) -> impl Future<Output = bool> + Send {
            ready(self.is_failure())
        }
    }

    impl<F: Future<Output: HandlerOutcome> + Send> Return<Later> for F {
        async fn has_failed(self) -> bool {
            self.await.is_failure()
        }
    }
}
