//! Tests of all screens: their accessibility and their pictures.

use crate::page::Console;

/// The places of the console, with the heading of each.
const SCREENS: [(&str, &str); 12] = [
    ("/", "Overview"),
    ("/tools", "Tools"),
    ("/workers", "Workers"),
    ("/calls", "Calls"),
    ("/conversations", "Conversations"),
    ("/channels", "Channels"),
    ("/connect", "Connect"),
    ("/access", "Access"),
    ("/audit", "Audit"),
    ("/log", "Log"),
    ("/settings", "Settings"),
    ("/nowhere", "Not found"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_in_both_schemes_and_at_both_widths() {
    let console = Console::open().await;
    let mut violations = console.violations().await;
    console.go_to(&console.link().await).await;
    console.shows("heading", "Overview").await;
    for (scheme, button) in [("light", "Use light colours"), ("dark", "Use dark colours")] {
        if console.browser.run(&format!("!!window.named('button', '{button}')")).await == true {
            console.click("button", button).await;
        }
        for (width, size) in [("desktop", (1280, 900)), ("phone", (500, 900))] {
            console.browser.page.set_window_rect(0, 0, size.0, size.1).await.unwrap();
            for (place, heading) in SCREENS {
                console.go(place).await;
                console.shows("heading", heading).await;
                let label = format!("{place} {scheme} {width}");
                violations.extend(console.violations().await.into_iter().map(|found| format!("{label}: {found}")));
                console.picture(&format!("{}-{scheme}-{width}", heading.to_lowercase().replace(' ', "-"))).await;
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    console.browser.close().await;
}
