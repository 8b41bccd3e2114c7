//! Tests of web pages of other sites that try to use a development gateway, in Chromium.
//!
//! The pages know valid keys, so that only the checks of `Host` and `Origin` protect the gateway. Each test then also allows the same page
//! by a setting: this shows that the gateway refused it before, not the browser.

use std::net::SocketAddr;

use platools_gateway::dev::{self, DevOptions};
use platools_gateway::{Gateway, HttpSettings};
use platools_tests::{Browser, Caller, http_client, within};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A name that an attacker has lead to this machine.
const NAME: &str = "evil.example";

/// A web server with one page, until it is dropped.
struct Page {
    port: u16,
    server: JoinHandle<()>,
}

impl Page {
    async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let port = listener.local_addr().expect("it has a port").port();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\nconnection: close";
                let mut request = [0; 4096];
                // A browser may open a connection and send nothing, or leave before the end.
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(format!("{head}\r\n\r\n<h1>a page</h1>").as_bytes()).await;
                }
            }
        });
        Self { port, server }
    }

    fn origin(&self) -> String {
        format!("http://{NAME}:{}", self.port)
    }

    async fn open(&self) -> Browser {
        let rules = format!("--host-resolver-rules=MAP {NAME} 127.0.0.1");
        Browser::open_with(&[&rules], &self.origin()).await
    }

    /// Ends the server, and returns its port, which is free then.
    async fn end(self) -> u16 {
        self.server.abort();
        let _ = within(self.server).await;
        self.port
    }
}

async fn gateway(names: &[&str], origins: &[&str], port: u16) -> Gateway {
    let mut http = HttpSettings::default();
    http.names = names.iter().map(|name| (*name).to_owned()).collect();
    http.allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    let options = DevOptions::with_known_secrets().http(http).listen(SocketAddr::from(([127, 0, 0, 1], port)));
    within(dev::start(options)).await.expect("a gateway")
}

/// The status and the text of the answer that a page gets, or nothing if the browser does not show it one.
async fn fetched(browser: &Browser, method: &str, url: &str, body: &str) -> Option<(u64, String)> {
    let body = if body.is_empty() { "undefined".to_owned() } else { format!("'{body}'") };
    let headers = format!("{{authorization: 'Bearer {}', 'content-type': 'application/json'}}", dev::ADMIN_KEY);
    let script = format!(
        "fetch('{url}', {{method: '{method}', headers: {headers}, body: {body}}})\
         .then(async (answer) => [answer.status, await answer.text()], () => null)"
    );
    match within(browser.run(&script)).await {
        Value::Null => None,
        answer => Some((answer[0].as_u64().expect("a status"), answer[1].as_str().expect("a text").to_owned())),
    }
}

/// The first message of a socket that a page opens and says who it is on; nothing if it does not open.
async fn heard(browser: &Browser, url: &str) -> Option<String> {
    let connect = format!("{{token: '{}', user_id: 'u'}}", dev::ADMIN_KEY);
    let script = format!(
        "new Promise((done) => {{\
           const socket = new WebSocket('{url}');\
           socket.onopen = () => socket.send(JSON.stringify({{type: 'req', id: '1', method: 'connect', params: {connect}}}));\
           socket.onmessage = (message) => done(message.data);\
           socket.onclose = () => done(null);\
         }})"
    );
    within(browser.run(&script)).await.as_str().map(str::to_owned)
}

/// Number of keys. A page that gets through would add one.
async fn key_count(gateway: &Gateway) -> usize {
    let request = http_client();
    let request = request.get(format!("{}/v1/keys", gateway.url())).bearer_auth(dev::ADMIN_KEY);
    let answer = within(request.send()).await.expect("an answer");
    let keys: Value = within(answer.json()).await.expect("JSON");
    keys["items"].as_array().or(keys["keys"].as_array()).unwrap_or_else(|| panic!("{keys}")).len()
}

const NEW_KEY: &str = r#"{"role":"admin"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_is_refused_until_its_origin_is_allowed() {
    let page = Page::serve().await;
    let browser = page.open().await;
    let strict = gateway(&[], &[], 0).await;
    let keys = key_count(&strict).await;
    let (url, socket) = (strict.url(), strict.url().replace("http://", "ws://"));
    assert_eq!(fetched(&browser, "GET", &format!("{url}/v1/tools"), "").await, None);
    assert_eq!(fetched(&browser, "POST", &format!("{url}/v1/keys"), NEW_KEY).await, None);
    assert_eq!(fetched(&browser, "GET", &format!("{url}/health"), "").await, None);
    for path in ["/ws", "/ws?token=t&agentId=main", "/ws/sdk", "/ws/runtime?ticket=t"] {
        assert_eq!(heard(&browser, &format!("{socket}{path}")).await, None, "{path}");
    }
    // A request that a browser sends without asking first.
    let simple =
        format!("fetch('{url}/v1/keys', {{method: 'POST', mode: 'no-cors', body: '{NEW_KEY}'}}).then(() => 1)");
    within(browser.run(&simple)).await;
    assert_eq!(key_count(&strict).await, keys);

    let open = gateway(&[], &[&page.origin()], 0).await;
    let (url, socket) = (open.url(), open.url().replace("http://", "ws://"));
    assert_eq!(fetched(&browser, "GET", &format!("{url}/v1/tools"), "").await.map(|(status, _)| status), Some(200));
    let added = fetched(&browser, "POST", &format!("{url}/v1/keys"), NEW_KEY).await.expect("the browser shows it");
    assert!((200..300).contains(&added.0), "{added:?}");
    let changed = fetched(&browser, "PATCH", &format!("{url}/v1/tools/none"), r#"{"enabled":true}"#).await;
    assert_eq!(changed.map(|(status, _)| status), Some(404));
    let connected = heard(&browser, &format!("{socket}/ws")).await.expect("the socket opens");
    assert!(connected.contains("\"admin\""), "{connected}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_name_is_made_to_lead_here_is_refused_until_the_name_is_the_gateways() {
    let page = Page::serve().await;
    let browser = page.open().await;
    // From here on the page's own host and port are the gateway's.
    let port = page.end().await;
    let socket = format!("ws://{NAME}:{port}/ws");
    let strict = gateway(&[], &[], port).await;
    let keys = key_count(&strict).await;
    for (method, path, body) in [("GET", "/v1/tools", ""), ("POST", "/v1/keys", NEW_KEY), ("GET", "/health", "")] {
        let (status, text) = fetched(&browser, method, path, body).await.expect("it is the page's own origin");
        assert_eq!(status, 403, "{text}");
        assert!(text.contains("host_not_allowed") && text.contains("http.names"), "{text}");
    }
    assert_eq!(heard(&browser, &socket).await, None);
    assert_eq!(key_count(&strict).await, keys);
    within(strict.shutdown()).await;

    let named = gateway(&[NAME], &[], port).await;
    assert_eq!(fetched(&browser, "GET", "/v1/tools", "").await.map(|(status, _)| status), Some(200));
    let connected = heard(&browser, &socket).await.expect("the socket opens");
    assert!(connected.contains("\"admin\""), "{connected}");
    assert!(Caller::new(named.url(), dev::ADMIN_KEY).tools().await.is_empty());
    browser.close().await;
}
