//! A browser that a test drives.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::{By, Capabilities, ChromeCapabilities, ChromiumLikeCapabilities as _, WebDriver};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Nothing a test waits for takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often something is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// A browser with one page.
pub(crate) struct Browser {
    pub(crate) page: WebDriver,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser, which has to be installed.
    pub(crate) async fn open(url: &str) -> Self {
        let (driver, port) = driver().await;
        let profile = tempfile::tempdir().unwrap();
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities(&profile));
        let page = timeout(PATIENCE, page).await.expect("the browser does not start in time");
        let page = page.unwrap_or_else(|error| panic!("the browser does not start: {error}"));
        page.set_window_rect(0, 0, 1280, 900).await.unwrap();
        page.goto(url).await.unwrap();
        Self { page, _driver: driver, _profile: profile }
    }

    pub(crate) async fn close(self) {
        self.page.quit().await.unwrap();
    }

    /// What a script returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.page.execute(format!("return {script}"), Vec::new()).await.unwrap().json().clone()
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        self.page.find(By::Css(selector)).await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.page.find(By::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Waits until a script returns true.
    pub(crate) async fn until(&self, script: &str) {
        let begun = Instant::now();
        while self.run(script).await != true {
            if begun.elapsed() > PATIENCE {
                panic!("this does not become true: {script}; the page says: {}", self.text("body").await);
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until the page shows that it is connected.
    pub(crate) async fn is_live(&self) {
        self.until("document.getElementById('status').dataset.state === 'live'").await;
    }
}

/// Starts what drives the browser, at a port of its choice.
async fn driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("chromedriver cannot be started ({error}); examples/positions/tests/setup installs it")
        });
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("chromedriver ended");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').parse().unwrap();
            // Nobody reads what it says from here on, and a full pipe would stop it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (driver, port);
        }
    }
}

fn capabilities(profile: &TempDir) -> Capabilities {
    let mut chrome = ChromeCapabilities::new();
    for argument in [
        "--headless=new",
        // Its sandbox needs rights that a container does not have, and it shows nothing but our own page.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-prefers-reduced-motion",
        &format!("--user-data-dir={}", profile.path().display()),
    ] {
        chrome.add_arg(argument).unwrap();
    }
    chrome.into()
}
