//! Tests of the hook `useWebSocket` on pages with React and Preact, in a browser.

use futures::StreamExt as _;
use platools_tests::Browser;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::scripted::{Connection, position};
use crate::site::{LIBRARIES, Site};
use crate::within;

/// Libraries that are tested with the example's gateway.
const CURRENT: [&str; 2] = ["react", "preact"];

/// Ids of the positions that the page shows.
const IDS: &str = "[...document.querySelectorAll('[data-position]')].map((shown) => shown.dataset.position).join()";

/// Prices that the page shows.
const PRICES: &str = "[...document.querySelectorAll('[data-position]')].map((shown) => shown.dataset.price).join()";

const STOPS: &str = "[...document.querySelectorAll('[data-position]')].map((shown) => shown.dataset.stop).join()";

async fn browser() -> Browser {
    Browser::open("about:blank").await
}

/// Waits until the page shows this status.
async fn has_status(browser: &Browser, status: &str) {
    browser.until(&format!("document.querySelector('.status')?.dataset.status === '{status}'")).await;
    let is_connected = browser.run("document.querySelector('.status').dataset.connected").await;
    assert_eq!(is_connected, if status == "connected" { "true" } else { "false" });
}

/// Waits until an expression has another value.
async fn changes(browser: &Browser, expression: &str) {
    let before = browser.run(expression).await;
    browser.until(&format!("({expression}) !== {before}")).await;
}

async fn shows(browser: &Browser, expression: &str, value: &str) {
    browser.until(&format!("({expression}) === '{value}'")).await;
}

/// Waits until nobody watches the example's agent.
async fn is_unwatched(site: &Site) {
    let look = async {
        while site.example().await.is_watched() {
            tokio::task::yield_now().await;
        }
    };
    within(look).await;
}

/// Number of commits of the page's component.
async fn commits(browser: &Browser) -> u64 {
    browser.run("window.commits.length").await.as_u64().unwrap()
}

/// Opens the page of a library at agent `a`, which has the positions 1 and 2.
async fn open_connected(site: &mut Site, browser: &Browser, library: &str, query: &str) -> Connection {
    site.open_scripted(browser, library, &format!("agent=a&{query}")).await;
    let mut connection = site.connection().await;
    connection.greet(&["1", "2"]).await;
    shows(browser, IDS, "1,2").await;
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_shows_the_snapshot_and_positions_that_are_created_updated_and_closed() {
    let (site, browser) = (Site::with_example().await, browser().await);
    for library in CURRENT {
        site.open_example(&browser, library, "agent=trader").await;
        has_status(&browser, "connected").await;
        browser.until(&format!("({IDS}).split(',').length >= 3")).await;
        changes(&browser, PRICES).await;
        changes(&browser, STOPS).await;
        let first = browser.run(IDS).await.as_str().unwrap().to_owned();
        let is_new = format!("({IDS}).split(',').some((id) => !'{first}'.split(',').includes(id))");
        browser.until(&is_new).await;
        let is_gone = format!("'{first}'.split(',').some((id) => !({IDS}).split(',').includes(id))");
        browser.until(&is_gone).await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_applies_each_kind_of_position_event() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut connection = open_connected(&mut site, &browser, library, "").await;
        assert_eq!(connection.agent, "a");
        connection.send("position_update", json!({"eventType": "position_created", "position": position("3")})).await;
        shows(&browser, IDS, "1,2,3").await;
        let mut changed = position("2");
        changed["stopLoss"] = json!(1.5);
        connection.send("position_update", json!({"eventType": "position_updated", "position": changed})).await;
        shows(&browser, STOPS, ",1.5,").await;
        connection.send("position_update", json!({"eventType": "position_closed", "positionId": "1"})).await;
        shows(&browser, IDS, "2,3").await;
        connection.price("3", 7).await;
        shows(&browser, PRICES, "2,7").await;
        connection.greet(&["9"]).await;
        shows(&browser, IDS, "9").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnect_stops_reconnecting_and_connect_begins_again() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut connection = open_connected(&mut site, &browser, library, "").await;
        browser.click(".disconnect").await;
        has_status(&browser, "disconnected").await;
        connection.is_left().await;
        shows(&browser, IDS, "1,2").await;
        assert!(site.is_quiet());
        browser.click(".connect").await;
        let mut connection = site.connection().await;
        connection.greet(&["3"]).await;
        shows(&browser, IDS, "3").await;
        // Also during a pause between two attempts.
        connection.close(1000, "Server shutdown").await;
        has_status(&browser, "reconnecting").await;
        browser.click(".disconnect").await;
        has_status(&browser, "disconnected").await;
        browser.click(".connect").await;
        site.connection().await.greet(&["4"]).await;
        shows(&browser, IDS, "4").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_agent_is_no_connection() {
    let (site, browser) = (Site::with_example().await, browser().await);
    for library in CURRENT {
        site.open_example(&browser, library, "").await;
        has_status(&browser, "disconnected").await;
        // The page before has left.
        is_unwatched(&site).await;
        browser.click(".connect").await;
        has_status(&browser, "disconnected").await;
        assert!(!site.example().await.is_watched());
        browser.run("window.setAgentId('trader')").await;
        has_status(&browser, "connected").await;
        changes(&browser, PRICES).await;
        browser.run("window.setAgentId(null)").await;
        has_status(&browser, "disconnected").await;
        shows(&browser, IDS, "").await;
        is_unwatched(&site).await;
        browser.run("window.setAgentId('trader')").await;
        has_status(&browser, "connected").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_replaces_the_connection_and_its_positions() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut of_a = open_connected(&mut site, &browser, library, "").await;
        browser.run("window.setAgentId('b')").await;
        of_a.is_left().await;
        let mut of_b = site.connection().await;
        assert_eq!(of_b.agent, "b");
        of_b.greet(&["7"]).await;
        shows(&browser, IDS, "7").await;
        // No commit has the positions of the one with the name of the other.
        let mixed = "window.commits.filter(({ agentId, ids }) => agentId === 'b' && ids.includes('1')).length";
        assert_eq!(browser.run(mixed).await, 0, "{library}");
        assert!(site.is_quiet());
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_mode_leaves_one_connection() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    let mut connection = open_connected(&mut site, &browser, "react", "").await;
    // React runs the effects of new components twice.
    assert!(
        browser.run("window.commits.length > 1 && window.commits[0].status === window.commits[1].status").await == true
    );
    connection.is_read().await;
    assert!(site.is_quiet(), "the page connected twice");
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn components_of_a_page_share_one_connection() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        site.open_scripted(&browser, library, "agent=a&views=2").await;
        let mut connection = site.connection().await;
        connection.greet(&["1"]).await;
        shows(&browser, IDS, "1,1").await;
        browser.run("window.setViews(1)").await;
        shows(&browser, IDS, "1").await;
        connection.price("1", 5).await;
        shows(&browser, PRICES, "5").await;
        browser.run("window.setViews(2)").await;
        shows(&browser, PRICES, "5,5").await;
        assert!(site.is_quiet(), "{library}: the page connected twice");
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unmounting_closes_the_connection_and_nothing_is_rendered_after_it() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut connection = open_connected(&mut site, &browser, library, "").await;
        // A price waits for its batch when the component goes.
        connection.price("1", 5).await;
        browser.run("window.setViews(0)").await;
        connection.is_left().await;
        browser.until("document.querySelector('.status') === null").await;
        let before = commits(&browser).await;
        // Two frames later, which is past the batch.
        browser
            .run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
            .await;
        assert_eq!(commits(&browser).await, before, "{library}");
        assert!(site.is_quiet(), "{library}");
        browser.run("window.setViews(1)").await;
        site.connection().await.greet(&["6"]).await;
        shows(&browser, IDS, "6").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_displaced_hook_stays_away_until_it_is_told_to_connect() {
    let (site, browser) = (Site::with_example().await, browser().await);
    for library in CURRENT {
        site.open_example(&browser, library, "agent=trader").await;
        has_status(&browser, "connected").await;
        let url = site.example().await.dashboard_url().await.unwrap();
        let (mut other, _) = within(connect_async(url.expose_secret())).await.unwrap();
        has_status(&browser, "stopped").await;
        let error = browser.run("document.querySelector('.status').dataset.error").await;
        assert_eq!(error, "displaced");
        // The other one keeps the agent, for longer than the first pause of a hook that reconnects.
        for _ in 0..20 {
            assert!(matches!(within(other.next()).await, Some(Ok(Message::Text(_)))));
        }
        browser.click(".connect").await;
        let close = loop {
            if let Message::Close(close) = within(other.next()).await.unwrap().unwrap() {
                break close.unwrap();
            }
        };
        assert_eq!(close.reason, "New connection established");
        has_status(&browser, "connected").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_reconnects_when_the_gateway_was_restarted_and_keeps_the_positions_meanwhile() {
    let (site, browser) = (Site::with_example().await, browser().await);
    for library in CURRENT {
        site.open_example(&browser, library, "agent=trader").await;
        has_status(&browser, "connected").await;
        browser.until(&format!("({IDS}) !== ''")).await;
        browser.run("window.commits.length = 0").await;
        site.example().await.restart_gateway().await.unwrap();
        browser.until("window.commits.some(({ status }) => status === 'reconnecting')").await;
        has_status(&browser, "connected").await;
        changes(&browser, PRICES).await;
        assert_eq!(browser.run("window.commits.every(({ ids }) => ids.length > 0)").await, true, "{library}");
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_render_however_many_messages_came() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut connection = open_connected(&mut site, &browser, library, "schedule=manual").await;
        let before = commits(&browser).await;
        for price in 1..=500 {
            connection.price("1", price).await;
            connection.price("2", price + 1).await;
        }
        connection.is_read().await;
        assert_eq!(commits(&browser).await, before, "{library}: nothing is rendered before the batch");
        browser.run("window.flush()").await;
        shows(&browser, PRICES, "500,501").await;
        browser.until(&format!("window.commits.length > {before}")).await;
        assert_eq!(commits(&browser).await, before + 1, "{library}");
        // A batch without news is no render.
        connection.price("of another", 1).await;
        connection.is_read().await;
        browser.run("window.flush()").await;
        assert_eq!(commits(&browser).await, before + 1, "{library}");
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_applied_at_most_once_for_each_frame() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    let mut connection = open_connected(&mut site, &browser, "react", "").await;
    // A frame that takes longer than 250 ms is not waited for; such batches are counted as well.
    let count = "(window.batches = 0, window.first = window.commits.length, \
                 window.setTimeout = ((set) => (call, ms) => set(ms === 250 ? () => { window.batches += 1; call(); } : call, ms))(setTimeout), \
                 (function frame() { window.batches += 1; requestAnimationFrame(frame); })(), true)";
    browser.run(count).await;
    for price in 1..=2000 {
        connection.price("1", price).await;
    }
    shows(&browser, PRICES, "2000,2").await;
    let seen = browser.run("[window.commits.length - window.first, window.batches]").await;
    let (renders, batches) = (seen[0].as_u64().unwrap(), seen[1].as_u64().unwrap());
    assert!(0 < renders && renders <= batches + 1, "{renders} renders in {batches} frames");
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_move_in_a_hidden_tab_that_draws_no_frames() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut connection = open_connected(&mut site, &browser, library, "hidden=1").await;
        connection.price("2", 9).await;
        shows(&browser, PRICES, "2,9").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced_once_and_then_the_hook_says_that_the_user_must_sign_in() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        site.hand_out(&["old"]);
        open_connected(&mut site, &browser, library, "").await;
        assert_eq!(site.sessions(), [false, true], "{library}");
        site.hand_out(&["old", "older"]);
        site.open_scripted(&browser, library, "agent=a").await;
        has_status(&browser, "stopped").await;
        assert_eq!(browser.run("document.querySelector('.status').dataset.error").await, "unauthorized");
        assert!(browser.text(".status").await.contains("sign in again"));
        assert_eq!(site.sessions(), [false, true], "{library}");
        assert!(site.is_quiet());
        browser.click(".connect").await;
        site.connection().await.greet(&["5"]).await;
        shows(&browser, IDS, "5").await;
        assert_eq!(site.sessions(), [false], "{library}");
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_may_not_be_watched_is_an_error_and_no_loop() {
    let (site, browser) = (Site::with_example().await, browser().await);
    for library in CURRENT {
        site.open_example(&browser, library, "agent=nobody").await;
        has_status(&browser, "stopped").await;
        let error: Value = browser.run("document.querySelector('.status').dataset.error").await;
        assert_eq!(error, "agent_not_found");
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_leaves_the_agent_and_a_page_that_comes_back_connects_again() {
    let (mut site, browser) = (Site::scripted().await, browser().await);
    for library in LIBRARIES {
        let mut connection = open_connected(&mut site, &browser, library, "").await;
        site.open_scripted(&browser, library, "").await;
        connection.is_left().await;
        within(browser.page.back()).await.unwrap();
        site.connection().await.greet(&["8"]).await;
        shows(&browser, IDS, "8").await;
    }
    site.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_gateway_refuses_is_told_from_an_outage() {
    let (site, browser) = (Site::with_example().await, browser().await);
    for library in CURRENT {
        site.refuse_tokens(true);
        site.open_example(&browser, library, "agent=trader").await;
        has_status(&browser, "stopped").await;
        assert_eq!(browser.run("document.querySelector('.status').dataset.error").await, "unauthorized");
        site.refuse_tokens(false);
        browser.click(".connect").await;
        has_status(&browser, "connected").await;
    }
    site.end(browser).await;
}
