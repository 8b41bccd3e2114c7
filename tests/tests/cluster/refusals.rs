//! Tests of the starts that are refused: each in one sentence that says what to do.

use platools_tests::cluster::{Installation, Nats};

/// Checks that an error is one sentence, and has these words.
fn assert_says(error: &str, words: &[&str]) {
    let lines: Vec<_> = error.lines().collect();
    assert!(matches!(*lines, [line] if line.starts_with("error: ")), "{error}");
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn a_database_and_a_number_have_one_gateway_each() {
    let installation = Installation::start("refusals", 2).await;
    let nats = installation.nats.url();
    let with = |number| ["--nats", &*nats, "--cluster-gateway", number];
    let flags = with("2");
    let (again, alone, upgrade) =
        tokio::join!(installation.refusal(&flags), installation.refusal(&[]), installation.run(&["upgrade"]));
    assert_says(&again, &["has the number 2", "`cluster.gateway` of its own"]);
    assert_says(&alone, &["another gateway runs on the database", "`cluster.nats`"]);
    assert!(!upgrade.0, "{upgrade:?}");
    assert_says(&upgrade.1, &["another gateway runs on the database", "stop it first"]);
}

#[tokio::test]
async fn a_number_is_free_again_when_its_gateway_has_ended_or_was_killed() {
    let mut installation = Installation::start("numbers", 2).await;
    let gateway = installation.gateway_mut(2);
    gateway.restart().await;
    gateway.kill().await;
    gateway.restart().await;
    assert!(gateway.stop().await.success());
    installation.gateway_mut(1).stop().await;
    let (succeeded, text) = installation.run(&["upgrade"]).await;
    assert!(succeeded, "{text}");
}

#[tokio::test]
async fn nats_that_cannot_be_used_is_refused() {
    let installation = Installation::start("servers", 0).await;
    let gateway = ["--cluster-gateway", "1"];
    let url = |nats: &Nats| nats.url();
    let with = async |server: &str, flags: &[&str]| {
        installation.refusal(&[&gateway[..], &["--nats", server], flags].concat()).await
    };

    let mut gone = Nats::start("").await;
    let address = url(&gone);
    gone.kill().await;
    assert_says(&with(&address, &[]).await, &["no NATS server answers at", &address, "that the server runs"]);

    let small = Nats::start("max_payload: 100000").await;
    assert_says(&with(&url(&small), &[]).await, &["at most 100000 bytes", "`max_payload`"]);

    let closed = Nats::start("authorization { token: hidden }").await;
    assert_says(&with(&url(&closed), &[]).await, &["refused the credentials"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hidden-but-wrong\n").unwrap();
    let refused = with(&url(&closed), &["--nats-token-file", file.path().to_str().unwrap()]).await;
    assert_says(&refused, &["refused the credentials"]);
    assert!(!refused.contains("hidden"), "{refused}");
}

#[tokio::test]
async fn nats_that_is_silent_ends_the_start_with_an_error() {
    let installation = Installation::start("silent", 0).await;
    let nats = Nats::start("").await;
    nats.freeze();
    let refused = installation.refusal(&["--cluster-gateway", "1", "--nats", &nats.url()]).await;
    assert_says(&refused, &["no NATS server answers at", &nats.url()]);
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let installation = Installation::start("settings", 0).await;
    let nats = ["--nats", "nats://127.0.0.1:4222"];
    assert_says(&installation.refusal(&nats).await, &["`cluster.gateway` is not", "number of its own"]);
    let number = installation.refusal(&["--cluster-gateway", "1"]).await;
    assert_says(&number, &["`cluster.nats` is not", "name the NATS servers"]);
    for wrong in ["0", "1024"] {
        let refused = installation.refusal(&[&nats[..], &["--cluster-gateway", wrong]].concat()).await;
        assert!(refused.contains("a whole number from 1 to 1023"), "{refused}");
    }
    let with_password = ["--cluster-gateway", "1", "--nats", "nats://gateway:hidden@127.0.0.1:4222"];
    let refused = installation.refusal(&with_password).await;
    assert!(refused.contains("give them as credentials") && !refused.contains("hidden"), "{refused}");
}
