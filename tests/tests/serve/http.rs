//! Tests of a local MCP server over HTTP, with the client of `rmcp`.

use futures::future::join_all;
use platools::serve::{Http, HttpServer, Server};
use platools_tests::{Gone, served, within};
use rmcp::model::SubscriptionFilter;
use rmcp::serve_client;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::{Client, Heard, answer, finds_everything, hears_progress, over_http};

pub(crate) const TOKEN: &str = "s3cret-token";

/// A server that runs beside the test.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) gone: Gone,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) run: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::with(|http| http).await
    }

    pub(crate) async fn with(set: impl FnOnce(Http) -> Http) -> Self {
        let gone = Gone::default();
        Self::at(set(Server::new(served(gone.clone())).http(TOKEN)), gone).await
    }

    /// A server of other tools.
    pub(crate) async fn of(server: Server) -> Self {
        Self::at(server.http(TOKEN), Gone::default()).await
    }

    async fn at(http: Http, gone: Gone) -> Self {
        let server: HttpServer = http.address(([127, 0, 0, 1], 0)).bind().await.expect("it listens");
        let url = format!("http://{}/mcp", server.local_addr());
        let (stop, told) = oneshot::channel();
        let run = tokio::spawn(server.run_until(async move { drop(told.await) }));
        Self { url, gone, stop: Some(stop), run }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::begin(over_http(&self.url, TOKEN)).await
    }

    pub(crate) fn tell_to_stop(&mut self) {
        drop(self.stop.take());
    }
}

#[tokio::test]
async fn a_client_finds_and_calls_the_tools() {
    let server = Served::start().await;
    let mut client = server.client().await;
    finds_everything(&mut client).await;
    hears_progress(&mut client).await;
}

#[tokio::test]
async fn a_client_of_the_revision_without_sessions_finds_the_same() {
    let server = Served::start().await;
    let mut client = Client::discover(over_http(&server.url, TOKEN)).await;
    finds_everything(&mut client).await;
    hears_progress(&mut client).await;
}

#[tokio::test]
async fn a_wrong_token_or_none_opens_nothing() {
    let server = Served::start().await;
    for token in ["", "s3cret-toke", "s3cret-token2"] {
        let refused = within(serve_client((), over_http(&server.url, token))).await;
        assert!(refused.is_err_and(|error| format!("{error:?}").contains("Auth")), "{token}");
    }
}

#[tokio::test]
async fn a_cancelled_call_learns_of_it() {
    let server = Served::start().await;
    for lifecycle in 1..=2 {
        let transport = over_http(&server.url, TOKEN);
        let mut client =
            if lifecycle == 1 { Client::begin(transport).await } else { Client::discover(transport).await };
        let held = client.start("hold", json!({})).await;
        client.hear_progress().await;
        within(held.cancel(None)).await.expect("it is sent");
        within(server.gone.reach(lifecycle)).await;
        assert_eq!(client.call("greet", json!({ "name": "Ada" })).await, Ok("Hello, Ada!".to_owned()));
    }
}

#[tokio::test]
async fn a_session_that_ends_gives_its_calls_up() {
    let server = Served::start().await;
    let mut client = server.client().await;
    let _held = client.start("hold", json!({})).await;
    client.hear_progress().await;
    within(client.service.cancel()).await.expect("no panic");
    within(server.gone.reach(1)).await;
}

#[tokio::test]
async fn clients_are_told_of_changes() {
    let server = Served::start().await;
    let (mut first, second) = (server.client().await, Client::discover(over_http(&server.url, TOKEN)).await);
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut changes = within(second.service.listen(filter)).await.expect("it may listen");
    assert!(first.call("change", json!({})).await.is_ok());
    assert!(matches!(first.hear().await, Heard::ListChanged));
    within(changes.next()).await.expect("no error").expect("a change");
    assert!(first.names().await.contains(&"late".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_call_at_once() {
    let server = Served::start().await;
    let clients = join_all((0..64).map(|_| server.client())).await;
    let work = clients.into_iter().enumerate().map(async |(index, mut client)| {
        for round in 0..5 {
            let name = format!("{index}/{round}");
            let greeting = client.call("greet", json!({ "name": name }));
            let sum = client.call("add", json!({ "a": index, "b": round }));
            let fails = client.call("fail", json!({}));
            let panics = client.call("panics", json!({}));
            let (greeting, sum, fails, panics) = futures::join!(greeting, sum, fails, panics);
            assert_eq!(greeting, Ok(format!("Hello, {name}!")));
            assert_eq!(sum, Ok(format!("{{\"sum\":{}}}", index + round)));
            assert!(fails.is_err() && panics.is_err());
        }
        hears_progress(&mut client).await;
    });
    within(join_all(work)).await;
}

#[tokio::test]
async fn a_stop_lets_calls_end_and_takes_no_more() {
    let mut server = Served::start().await;
    let mut client = server.client().await;
    let slow = client.start("linger", json!({ "milliseconds": 300 })).await;
    client.hear_progress().await;
    server.tell_to_stop();
    assert_eq!(answer(slow).await, Ok("done".to_owned()));
    within(server.run).await.expect("no panic");
    assert!(serve_client((), over_http(&server.url, TOKEN)).await.is_err());
}

#[tokio::test]
async fn a_stop_gives_calls_up_that_do_not_end() {
    let mut server = Served::start().await;
    let mut client = server.client().await;
    let held = client.start("hold", json!({})).await;
    client.hear_progress().await;
    server.tell_to_stop();
    assert_eq!(answer(held).await, Ok("let go".to_owned()));
    within(server.gone.reach(1)).await;
    within(server.run).await.expect("no panic");
}
