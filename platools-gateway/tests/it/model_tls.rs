//! Tests of models behind HTTPS.

use serde_json::json;

use crate::https_server::Secured;
use crate::model_server::{KEY, Model};
use crate::program_process::{Program, command};
use crate::support::{Caller, ended};

/// A model, and its certificate in PEM, which is its own authority.
async fn secured() -> (Model, String) {
    let (listener, url, authority) = Secured::listen().await;
    (Model::serve(listener, format!("{url}/v1")), authority)
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
