//! Models behind https.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::model_server::{KEY, Model};
use crate::process::{Program, command};
use crate::support::{Caller, ended};

struct Secured {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, from) = self.listener.accept().await.unwrap();
            // Whoever does not trust it goes away again.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A model, and its certificate in PEM, which is its own authority.
async fn secured() -> (Model, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    (Model::serve(Secured { listener, acceptor: Arc::new(config).into() }, url), cert.pem())
}

#[tokio::test]
async fn a_model_is_asked_over_tls_if_the_system_trusts_it_and_else_is_not_told_the_key() {
    let (mut model, authority) = secured().await;
    let (_, others) = secured().await;
    for (authority, is_trusted) in [(authority, true), (others, false)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, authority).unwrap();
        let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--model-url", &model.url, "--model", "m"]);
        command
            .env("TMPDIR", folder.path())
            .env("SSL_CERT_FILE", file)
            .env("SSL_CERT_DIR", "")
            .env("OPENAI_API_KEY", KEY);
        let program = Program::start(command).await;
        let caller = Caller::at(&program.url).key("platools-dev-admin");
        let body = json!({"model": "main", "messages": [{"role": "user", "content": "hi"}]});
        let answer = tokio::spawn(async move { caller.post("/v1/chat/completions", body).await });
        if is_trusted {
            let asked = model.asked().await;
            assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
            asked.says("hello").await;
            assert_eq!(ended(answer).await.status, 200);
        } else {
            assert_eq!(ended(answer).await.body["error"]["message"], "the model cannot be reached; try again later");
            assert!(model.is_left_alone());
        }
    }
}
