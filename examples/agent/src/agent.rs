//! [`run`]: runs the example's agent. It hosts the tool `agent_uptime`, holds a session on the gateway, and answers messages in a channel.

use std::time::Instant;

use anyhow::bail;
use futures::StreamExt;
use platools::{PlatoolsClient, Secret, ToolRegistry, tool, tools};
use platools_client::protocol::rpc::ToolsReply;
use platools_client::protocol::runtime::{
    Channel, ChannelMessage, Connected, Done, NewChannel, NewMessage, event, path,
};
use platools_client::{RuntimeClient, RuntimeError, RuntimeEvent};
use serde_json::{Value, json};
use std::fmt::Display;

/// URLs and credentials of the agent, as a worker and as an agent.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) secret: Secret,
    pub(crate) key: Secret,
    pub(crate) channel: String,
}

/// Return the seconds since the agent started.
#[tool]
async fn agent_uptime(started: &Instant) -> u64 {
    started.elapsed().as_secs()
}

/// Hosts the tool and talks in the channel until it is asked to stop.
pub(crate) async fn run(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let registry = ToolRegistry::new().with_state(Instant::now()).with_tools(tools![agent_uptime])?;
    let mut worker = PlatoolsClient::builder().url(&config.url).secret(config.secret).registry(registry).build()?;
    let hosting = worker.handle();
    let client = RuntimeClient::builder().url(&config.url).secret(config.key).build()?;

    let mut hosted = tokio::spawn(async move { worker.run_forever().await });
    let ended = tokio::select! {
        ended = &mut hosted => ended?.map_err(Into::into),
        ended = talk(&client, &config.channel) => ended,
        () = stop => Ok(()),
    };
    // Others see at once that it is gone; calls that run may end.
    client.disconnect().await;
    hosting.stop().await;
    ended
}

/// Answers what is said in the channel, for as long as there is a session.
async fn talk(client: &RuntimeClient, channel: &str) -> anyhow::Result<()> {
    join(client, channel).await?;
    // Before there is anything to miss.
    let mut events = client.events();
    // Members of a channel are subscribed to it when they connect.
    let session = client.connect().await?;
    // The gateway sends it back once it has treated everything before.
    client.send(json!({ "type": "ready" })).await?;
    while let Some(event) = events.next().await {
        match event.kind() {
            "ready" => {
                note(say(client, channel, "I am here. Say `count ...`, and I tell how many words that are.").await);
            }
            event::CHANNEL_MESSAGE => note(answer(client, channel, &session, &event).await),
            event::CONNECTION_STATE => {
                let state: Value = event.decode()?;
                if state["state"] == "failed" {
                    bail!("the session has ended: {}", state["reason"]);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Logs a message that could not be sent. The agent stays, because the gateway may be about to come back.
fn note(said: Result<(), impl Display>) {
    if let Err(error) = said {
        eprintln!("nothing could be said: {error}");
    }
}

/// Makes the channel, unless it is there, and becomes a member.
async fn join(client: &RuntimeClient, channel: &str) -> Result<(), RuntimeError> {
    match client.request::<Channel>("POST", path::CHANNELS, NewChannel::new(channel, channel)).await {
        Err(error) if error.status() != Some(409) => return Err(error),
        _ => {}
    }
    client.request::<Done>("POST", &path::join(channel), ()).await?;
    Ok(())
}

async fn answer(client: &RuntimeClient, channel: &str, me: &Connected, event: &RuntimeEvent) -> anyhow::Result<()> {
    let message: ChannelMessage = event.decode()?;
    let Some(text) = message.content.strip_prefix("count ").filter(|_| message.from != me.address) else {
        return Ok(());
    };
    // Whoever's tool it is; what fails there is no reason to leave.
    let answer = match call(client, "count_words", json!({ "text": text })).await {
        Ok(words) => format!("{}, these are {words} words.", message.from),
        Err(error) => format!("{}, that cannot be counted now: {error}", message.from),
    };
    say(client, channel, &answer).await?;
    Ok(())
}

async fn call(client: &RuntimeClient, tool: &str, arguments: Value) -> Result<Value, RuntimeError> {
    let path = format!("/v1/tools/{tool}/call");
    let reply: ToolsReply<Value> = client.request("POST", &path, json!({ "arguments": arguments })).await?;
    Ok(reply.result)
}

pub(crate) async fn say(client: &RuntimeClient, channel: &str, words: &str) -> Result<(), RuntimeError> {
    client.request::<ChannelMessage>("POST", &path::messages(channel), NewMessage::new(words)).await.map(drop)
}
