//! Tests of the example's own page in a browser.

use platools_tests::Browser;
use positions::App;

use crate::PACE;

/// Script that is true until the page is loaded again.
const MARKER: &str = "window.marker === 'still here'";

/// Waits until the page shows that it is connected.
async fn is_live(browser: &Browser) {
    browser.until("document.getElementById('status').dataset.state === 'connected'").await;
}

async fn open() -> (App, Browser) {
    let app = App::start(0, PACE).await.unwrap();
    let browser = Browser::open(&app.page_url()).await;
    is_live(&browser).await;
    browser.run("window.marker = 'still here'").await;
    (app, browser)
}

/// Waits until an element has another text. It is read by one script: rows come and go.
async fn changes(browser: &Browser, selector: &str) {
    let text = format!("document.querySelector({selector:?}).textContent");
    let before = browser.run(&text).await;
    browser.until(&format!("{text} !== {before}")).await;
}

/// Waits until a cell of a position has another text. Positions without a price keep theirs.
async fn a_position_changes(browser: &Browser, cell: &str) {
    let rows = format!(
        "[...document.querySelectorAll('#positions tbody tr')].map((row) => [row.dataset.position, row.querySelector({cell:?}).textContent])"
    );
    let before = browser.run(&format!("Object.fromEntries({rows})")).await;
    browser.until(&format!("((before) => {rows}.some(([id, text]) => (before[id] ?? text) !== text))({before})")).await;
}

/// Keeps what the page looks like, for whoever wants to see it.
async fn keep_screenshot(browser: &Browser, name: &str) {
    let png = browser.page.screenshot_as_png().await.unwrap();
    assert!(png.len() > 10_000, "the page is empty");
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), png).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn values_move_without_loading_the_page_again() {
    let (app, browser) = open().await;
    browser.until("document.querySelectorAll('#ticker li').length >= 3").await;
    for cell in ["td:nth-child(4)", "td:last-child"] {
        a_position_changes(&browser, cell).await;
    }
    changes(&browser, "#total").await;
    browser.until("document.querySelectorAll('#ticker .gain, #ticker .loss').length > 0").await;
    // A position is opened, and one gets other limits.
    browser.until("document.querySelectorAll('#positions tbody tr').length > 3").await;
    let limits =
        "[...document.querySelectorAll('#positions tbody td:nth-child(6)')].map((cell) => cell.textContent).join()";
    let before = browser.run(limits).await;
    browser.until(&format!("({limits}) !== {before}")).await;
    keep_screenshot(&browser, "positions.png").await;
    assert_eq!(browser.run(MARKER).await, true);
    browser.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbol_that_is_html_is_shown_as_text() {
    let (app, browser) = open().await;
    // The page's own view shows a position of such a token until the next batch.
    let script = r#"(() => {
        const tokenSymbol = '<img src=x onerror=alert(1)><b>HTML</b>';
        const position = { id: 'p', tokenAddress: 't', tokenSymbol, amount: 1, purchasePrice: 1, currentPrice: 1, profitLoss: 0,
            profitLossPercent: 0 };
        import('/view.js').then(({ show }) => {
            show({ positions: [position], status: 'connected' }, new Map());
            const cells = [...document.querySelectorAll('#positions th, #ticker .symbol')];
            window.shown = {
                texts: cells.filter((cell) => cell.textContent === tokenSymbol).length,
                elements: document.querySelectorAll('main img, main b, main script').length,
            };
        });
    })()"#;
    browser.run(script).await;
    browser.until("window.shown !== undefined").await;
    assert_eq!(browser.run("window.shown").await, serde_json::json!({"texts": 2, "elements": 0}));
    browser.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_goes_on_when_the_gateway_was_restarted() {
    let (mut app, browser) = open().await;
    // Every state that is shown from here on.
    browser
        .run(
            "(window.states = [], new MutationObserver(() => window.states.push(document.getElementById('status').dataset.state))\
             .observe(document.getElementById('status'), { attributes: true }), true)",
        )
        .await;
    app.restart_gateway().await.unwrap();
    browser.until("window.states.includes('reconnecting') && window.states.at(-1) === 'connected'").await;
    assert!(app.is_watched());
    changes(&browser, "#total").await;
    a_position_changes(&browser, "td:nth-child(4)").await;
    assert_eq!(browser.run(MARKER).await, true);
    browser.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_do_not_take_the_agent_from_each_other() {
    let (app, first) = open().await;
    let second = Browser::open(&app.page_url()).await;
    is_live(&second).await;
    let is_over = "document.getElementById('status').dataset.state === 'stopped'";
    first.until(is_over).await;
    assert_eq!(first.text("#status").await.trim(), "Watched in another window");
    changes(&second, "#total").await;
    assert_eq!(first.run(is_over).await, true);
    first.click("#connect").await;
    is_live(&first).await;
    second.until(is_over).await;
    changes(&first, "#total").await;
    first.close().await;
    second.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ticker_shows_the_tokens_that_are_held() {
    let (app, browser) = open().await;
    let tokens_fit = "[...document.querySelectorAll('#ticker li')].length \
                      === new Set([...document.querySelectorAll('#positions tbody th')].map((cell) => cell.textContent)).size";
    browser.until(&format!("document.querySelectorAll('#ticker li').length >= 3 && {tokens_fit}")).await;
    browser.close().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_disconnects_and_connects_again_when_it_is_told_to() {
    let (app, browser) = open().await;
    browser.click("#disconnect").await;
    browser.until("document.getElementById('status').dataset.state === 'disconnected'").await;
    assert!(browser.run("document.querySelectorAll('#positions tbody tr').length").await.as_u64() >= Some(3));
    browser.click("#connect").await;
    is_live(&browser).await;
    changes(&browser, "#total").await;
    browser.close().await;
    app.stop().await;
}
