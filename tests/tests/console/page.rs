//! [`Console`]: the console of a development gateway in a browser, with a worker.

use std::path::{Path, PathBuf};

use platools_gateway::Gateway;
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::ops::log_tail::LogTail;

use platools_tests::{Browser, within};
use serde_json::Value;
use tokio::sync::mpsc;

/// The console in a browser.
pub(crate) struct Console {
    pub(crate) browser: Browser,
    pub(crate) gateway: Gateway,
}

/// Functions of the tests in the page. An element is found by what people and screen readers know it by.
const FINDERS: &str = r"
    window.named = (role, name) => {
        const kinds = {
            button: 'button, [role=button], [role=tab]', link: 'a[href]', field: 'input, select, textarea', heading: 'h1, h2, h3',
        };
        const nameOf = (element) => (
            element.getAttribute('aria-label')
            || [...(element.labels ?? [])].map((label) => label.textContent).join(' ')
            || element.textContent
        ).trim();
        const found = [...document.querySelectorAll(kinds[role])].filter((element) => nameOf(element) === name);
        return found.find((element) => element.checkVisibility()) ?? null;
    };
    window.type = (name, text) => {
        const field = window.named('field', name);
        const prototype = Object.getPrototypeOf(field);
        Object.getOwnPropertyDescriptor(prototype, 'value').set.call(field, text);
        field.dispatchEvent(new Event('input', { bubbles: true }));
        field.dispatchEvent(new Event('change', { bubbles: true }));
        return true;
    };
    return true;
";

impl Console {
    /// Opens the console without signing in.
    pub(crate) async fn open() -> Self {
        let options = DevOptions { logs: Some(LogTail::new()), ..DevOptions::with_known_secrets() };
        let gateway = within(dev::start(options)).await.unwrap();
        let browser = Browser::open(&format!("{}/console", gateway.url())).await;
        let console = Self { browser, gateway };
        console.arrive().await;
        console
    }

    /// Opens the console with a link that signs in as the admin.
    pub(crate) async fn signed_in() -> Self {
        let console = Self::open().await;
        console.go_to(&console.link().await).await;
        console.shows("heading", "Overview").await;
        console
    }

    /// A link that signs in as the admin.
    pub(crate) async fn link(&self) -> String {
        let (sent, mut links) = mpsc::unbounded_channel();
        let announce = move |link: &str| drop(sent.send(link.to_owned()));
        within(self.gateway.console_links(&dev::ADMIN_KEY.to_owned().into(), announce)).await.unwrap();
        within(links.recv()).await.unwrap()
    }

    /// Loads an address as a new page.
    pub(crate) async fn go_to(&self, url: &str) {
        // A fragment alone loads nothing.
        self.browser.page.goto("about:blank").await.unwrap();
        self.browser.page.goto(url).await.unwrap();
        self.arrive().await;
    }

    /// Loads a place of the console as a new page.
    pub(crate) async fn go(&self, place: &str) {
        self.go_to(&format!("{}/console{place}", self.gateway.url())).await;
    }

    async fn arrive(&self) {
        self.browser.until("document.readyState === 'complete'").await;
        self.browser.page.execute(FINDERS, Vec::new()).await.unwrap();
    }

    /// Waits until an element is visible.
    pub(crate) async fn shows(&self, role: &str, name: &str) {
        self.browser.until(&format!("!!window.named('{role}', '{name}')")).await;
    }

    /// Waits until the page has a text.
    pub(crate) async fn says(&self, text: &str) {
        let text = Value::from(text);
        self.browser.until(&format!("document.body.innerText.includes({text})")).await;
    }

    /// Clicks a button, or follows a link.
    pub(crate) async fn click(&self, role: &str, name: &str) {
        self.shows(role, name).await;
        self.browser.run(&format!("(window.named('{role}', '{name}').click(), true)")).await;
    }

    /// Enters a text into a field, as if somebody typed it.
    pub(crate) async fn enter(&self, name: &str, text: &str) {
        self.shows("field", name).await;
        let (name, text) = (Value::from(name), Value::from(text));
        self.browser.run(&format!("window.type({name}, {text})")).await;
    }

    /// The violations that the checker of accessibility finds: rule and elements.
    pub(crate) async fn violations(&self) -> Vec<String> {
        let folder = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
        let path = folder.join("console/node_modules/axe-core/axe.min.js");
        let source = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("run tests/console/setup first ({}: {error})", path.display()));
        self.browser.page.execute(source, Vec::new()).await.unwrap();
        let report = self.browser.run("axe.run(document)").await;
        let violations = report["violations"].as_array().unwrap().iter().map(|violation| {
            let nodes = violation["nodes"].as_array().unwrap().iter().map(|node| node["html"].to_string());
            format!("{}: {}", violation["id"], nodes.collect::<Vec<_>>().join(" "))
        });
        violations.collect()
    }

    /// Keeps a picture of the page.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
        std::fs::create_dir_all(&folder).unwrap();
        self.browser.page.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
    }
}
