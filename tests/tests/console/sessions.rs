//! Tests of signing in and out.

use platools_gateway::admin::NewKey;
use platools_gateway::{Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::page::Console;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_with_a_key_and_out_again() {
    let console = Console::open().await;
    console.shows("heading", "Sign in to platools").await;
    console.enter("Key or token", "plt_key_wrong").await;
    console.click("button", "Sign in").await;
    console.says("does not know this key or token").await;
    console.enter("Key or token", dev::ADMIN_KEY).await;
    console.click("button", "Sign in").await;
    console.shows("heading", "Overview").await;
    // No script of the page can read the session, and the page kept no key.
    assert_eq!(console.browser.run("document.cookie").await, json!(""));
    let kept = console.browser.run("JSON.stringify([{...localStorage}, {...sessionStorage}])").await;
    assert!(!kept.to_string().contains(dev::ADMIN_KEY), "{kept}");
    console.click("button", "Sign out").await;
    console.shows("heading", "Sign in to platools").await;
    console.go("/tools").await;
    console.shows("heading", "Sign in to platools").await;
    console.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once_and_leaves_no_code_in_the_address() {
    let console = Console::open().await;
    let link = console.link().await;
    console.go_to(&link).await;
    console.shows("heading", "Overview").await;
    console.browser.until("!location.href.includes('sign-in')").await;
    console.click("button", "Sign out").await;
    console.shows("heading", "Sign in to platools").await;
    console.go_to(&link).await;
    console.shows("heading", "Sign in to platools").await;
    console.says("used already").await;
    console.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_leads_back_to_the_sign_in() {
    let console = Console::open().await;
    let admin = console.gateway.core().local_admin();
    let key = admin.add_key(NewKey::new(Role::Operator)).await.unwrap();
    console.enter("Key or token", key.secret.expose_secret()).await;
    console.click("button", "Sign in").await;
    console.shows("heading", "Overview").await;
    admin.revoke_key(key.new.id.as_str()).await.unwrap();
    console.shows("heading", "Sign in to platools").await;
    console.browser.close().await;
}
