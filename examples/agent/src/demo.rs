//! [`run`]: shows the example's agent at work, for `--once`. It starts a gateway, a worker with the tool `count_words`, the agent of
//! `agent.rs`, and another agent that asks the first one question.

use anyhow::Context;
use futures::StreamExt;
use futures::stream::BoxStream;
use platools::client::Event;
use platools::{PlatoolsClient, Secret, ToolRegistry, tool, tools};
use platools_client::protocol::runtime::{Channel, ChannelMessage, NewChannel, event, path};
use platools_client::{RuntimeClient, RuntimeEvent};
use platools_gateway::admin::NewKey;
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::agent::{self, Config, say};

/// Count the words of a text.
#[tool]
async fn count_words(text: String) -> usize {
    text.split_whitespace().count()
}

/// Asks the agent something, and stops it when it has answered.
pub(crate) async fn run(channel: String) -> anyhow::Result<()> {
    let options = DevOptions::default();
    let secrets = options.secrets.clone();
    let gateway = dev::start(options).await?;
    let secret = gateway.add_entity("other").await?;
    let registry = ToolRegistry::new().with_tools(tools![count_words])?;
    let other = PlatoolsClient::builder().url(gateway.url()).secret(secret.expose_secret()).registry(registry);
    let mut other = other.build()?;
    let handle = other.handle();
    // Before the worker runs, so that nothing is missed.
    let mut events = handle.events();
    let worker = tokio::spawn(async move { other.run_forever().await });
    while !matches!(events.next().await.context("the other worker has ended")?, Event::Registered(_)) {}

    // Whoever asks is there first, and hears when the agent comes.
    let mut asker = Asker::connect(&gateway, &channel).await?;
    let config = Config {
        url: gateway.url(),
        secret: Secret::from(secrets.worker.expose_secret()),
        key: Secret::from(secrets.agent.expose_secret()),
        channel: channel.clone(),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let conversation = async {
        let ended = asker.ask(&channel, "count the quick brown fox").await;
        // The agent may have ended before.
        let _ = stop.send(());
        ended
    };
    tokio::try_join!(conversation, agent::run(config, async { drop(stopped.await) }))?;
    asker.client.disconnect().await;
    handle.stop().await;
    worker.await??;
    gateway.shutdown().await;
    Ok(())
}

/// Another agent.
struct Asker {
    client: RuntimeClient,
    events: BoxStream<'static, RuntimeEvent>,
    address: String,
}

impl Asker {
    async fn connect(gateway: &Gateway, channel: &str) -> anyhow::Result<Self> {
        let mut key = NewKey::new(Role::Operator);
        key.credential.agent = Some(dev::MAIN_AGENT.to_owned());
        let key = gateway.core().local_admin().add_key(key).await?.secret;
        let client = RuntimeClient::builder().url(gateway.url()).secret(key.expose_secret()).build()?;
        // Whoever makes a channel is a member, and members are subscribed to it when they connect.
        client.request::<Channel>("POST", path::CHANNELS, NewChannel::new(channel, channel)).await?;
        let mut events = client.events();
        let address = client.connect().await?.address;
        client.send(json!({ "type": "ready" })).await?;
        while events.next().await.is_some_and(|event| event.kind() != "ready") {}
        Ok(Self { client, events, address })
    }

    /// Waits until the other one is there, asks it, and hears its answer.
    async fn ask(&mut self, channel: &str, question: &str) -> anyhow::Result<()> {
        let mut has_asked = false;
        while let Some(event) = self.events.next().await {
            if event.kind() != event::CHANNEL_MESSAGE {
                continue;
            }
            let message: ChannelMessage = event.decode()?;
            println!("{}: {}", message.from, message.content);
            if message.from == self.address {
                continue;
            }
            if has_asked {
                break;
            }
            has_asked = true;
            say(&self.client, channel, question).await?;
        }
        Ok(())
    }
}
