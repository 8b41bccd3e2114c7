//! [`Browser`]: runs a browser without a window, for tests of web pages.

use std::process::Stdio;
use std::time::{Duration, Instant};

use platools_transport::install_crypto_provider;
use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::{By, Capabilities, ChromeCapabilities, ChromiumLikeCapabilities as _, WebDriver};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Nothing a test waits for takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

/// Interval between two looks at an awaited condition.
const LOOK: Duration = Duration::from_millis(50);

/// A browser with one page. Every method panics where the browser does not do as it is told.
#[derive(Debug)]
pub struct Browser {
    /// The page.
    pub page: WebDriver,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser, which has to be installed, and opens a page.
    ///
    /// # Panics
    /// It does not start, or cannot open the page.
    pub async fn open(url: &str) -> Self {
        Self::open_with(&[], url).await
    }

    /// Opens a page in a browser with further arguments.
    ///
    /// # Panics
    /// It does not start, or cannot open the page.
    pub async fn open_with(arguments: &[&str], url: &str) -> Self {
        let (driver, port) = driver().await;
        let profile = tempfile::tempdir().expect("a folder for the profile");
        // The driver's client is one of reqwest, too.
        install_crypto_provider();
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities(&profile, arguments));
        let page = timeout(PATIENCE, page).await.expect("the browser does not start in time");
        let page = page.unwrap_or_else(|error| panic!("the browser does not start: {error}"));
        page.set_window_rect(0, 0, 1280, 900).await.expect("the window has a size");
        page.goto(url).await.expect("the page opens");
        Self { page, _driver: driver, _profile: profile }
    }

    /// Ends the browser.
    ///
    /// # Panics
    /// It does not end in order.
    pub async fn close(self) {
        self.page.quit().await.expect("the browser ends");
    }

    /// The value of a script's expression. A promise is waited for.
    ///
    /// # Panics
    /// The script fails.
    pub async fn run(&self, script: &str) -> Value {
        self.page.execute(format!("return {script}"), Vec::new()).await.expect("the script runs").json().clone()
    }

    /// The text of an element.
    ///
    /// # Panics
    /// There is none.
    pub async fn text(&self, selector: &str) -> String {
        let element = self.page.find(By::Css(selector)).await.expect("the element is there");
        element.text().await.expect("it has a text")
    }

    /// Clicks an element.
    ///
    /// # Panics
    /// There is none.
    pub async fn click(&self, selector: &str) {
        let element = self.page.find(By::Css(selector)).await.expect("the element is there");
        element.click().await.expect("it can be clicked");
    }

    /// Waits until a script returns true.
    ///
    /// # Panics
    /// It takes too long.
    pub async fn until(&self, script: &str) {
        let begun = Instant::now();
        while self.run(script).await != true {
            if begun.elapsed() > PATIENCE {
                panic!("this does not become true: {script}; the page says: {}", self.text("body").await);
            }
            sleep(LOOK).await;
        }
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
    let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.expect("chromedriver says nothing");
        let line = line.expect("it can be read").expect("chromedriver ended");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').parse().expect("a port is a number");
            // Nobody reads what it says from here on, and a full pipe would stop it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (driver, port);
        }
    }
}

fn capabilities(profile: &TempDir, arguments: &[&str]) -> Capabilities {
    let mut chrome = ChromeCapabilities::new();
    let profile = format!("--user-data-dir={}", profile.path().display());
    let usual = [
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
        &profile,
    ];
    for argument in usual.iter().chain(arguments) {
        chrome.add_arg(argument).expect("an argument is a text");
    }
    chrome.into()
}
