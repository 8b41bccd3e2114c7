//! A gateway, a worker that dials it, and a caller, in one program.
//!
//! `cargo run -p quickstart` starts a gateway on a free loopback port and a worker with three tools, calls each tool, and prints requests
//! and answers. An error and a panic are among them; neither closes the worker's socket. Then the program stays up and prints commands that
//! call the tools over HTTP; the first line is a link to the gateway's console. With `--once` it ends. `--folder PATH` lets the tools work on another folder.

mod caller;
mod tools;

use std::path::PathBuf;

use anyhow::Context;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use platools::client::Event;
use platools::{PlatoolsClient, ToolRegistry, tools};
use platools_gateway::dev::{self, DevOptions};
use secrecy::ExposeSecret;
use serde_json::json;

use caller::Caller;
use tools::Root;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The command line.
struct Options {
    /// Ends after the transcript.
    once: bool,
    /// The folder whose Markdown is searched and whose disk usage is told.
    folder: PathBuf,
}

impl Options {
    fn parse(arguments: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self { once: false, folder: PathBuf::from(".") };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--once" => options.once = true,
                "--folder" => options.folder = arguments.next().context("--folder needs a path")?.into(),
                _ => anyhow::bail!("`{argument}` is unknown; usage: quickstart [--once] [--folder PATH]"),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).finish();
    // The library for the gateway's Model Context Protocol logs whole messages, whatever the filter was meant for.
    lines.with(filter_fn(|record| !record.target().starts_with("rmcp"))).init();
    // The panic below is part of the show: one line of it is enough.
    std::panic::set_hook(Box::new(|panic| eprintln!("   (in the worker: {panic})")));
    let folder = options.folder.canonicalize().with_context(|| format!("{} is no folder", options.folder.display()))?;

    let setup = DevOptions::default();
    let secrets = setup.secrets.clone();
    let gateway = dev::start(setup).await?;
    gateway.console_links(&secrets.admin, |link| println!("console   {link}")).await?;
    println!("gateway   {}", gateway.url());

    let registry = ToolRegistry::new().with_state(Root(folder)).with_tools(tools![
        tools::search_markdown,
        tools::disk_usage,
        tools::count_primes
    ])?;
    let names = registry.names().join(", ");
    let client = PlatoolsClient::builder().url(gateway.url()).secret(secrets.worker.expose_secret());
    let mut client = client.registry(registry).build()?;
    let handle = client.handle();
    // Before the worker runs, so that nothing is missed.
    let mut events = handle.events();
    let worker = tokio::spawn(async move { client.run_forever().await });
    registered(&mut events).await?;
    println!("worker    {names}\n");

    let caller = Caller::connect(&gateway.url(), secrets.admin.expose_secret()).await?;
    transcript(&caller).await;
    caller.disconnect().await;
    anyhow::ensure!(events.next().now_or_never().is_none(), "something happened to the worker's socket");
    println!("-- all of that went over one socket: nothing happened to it meanwhile\n");
    if !options.once {
        println!("{}", by_hand(&gateway.url(), secrets.admin.expose_secret()));
        tokio::signal::ctrl_c().await?;
        println!("\nstopping");
    }
    handle.stop().await;
    worker.await??;
    gateway.shutdown().await;
    Ok(())
}

/// Waits until the gateway knows the worker's tools.
async fn registered(events: &mut BoxStream<'_, Event>) -> anyhow::Result<()> {
    while let Some(event) = events.next().await {
        if let Event::Registered(_) = event {
            return Ok(());
        }
    }
    anyhow::bail!("the worker ended before its tools were registered")
}

async fn transcript(caller: &Caller) {
    caller.call("search_markdown", json!({ "query": "gateway", "limit": 3 })).await;
    caller.call("disk_usage", json!({ "path": "." })).await;
    caller.call("count_primes", json!({ "below": 2_000_000 })).await;
    println!("-- an error: the arguments do not fit, and every problem is named");
    caller.call("count_primes", json!({ "below": -1, "belov": 2 })).await;
    println!("-- a panic: the answer is an error, and the socket serves the next call");
    caller.call("count_primes", json!({ "below": 1_000, "panic": true })).await;
    caller.call("count_primes", json!({ "below": 1_000 })).await;
}

fn by_hand(url: &str, key: &str) -> String {
    format!(
        "Try it by hand, and end with Ctrl-C:\n\n  \
         curl -s {url}/v1/tools -H 'Authorization: Bearer {key}'\n  \
         curl -s {url}/v1/tools/count_primes/call -H 'Authorization: Bearer {key}' \\\n       \
         -H 'Content-Type: application/json' -d '{{\"arguments\": {{\"below\": 100}}}}'\n  \
         curl -s {url}/health\n",
    )
}
