//! Runs the gateway and the [`Publisher`](crate::publish::Publisher) of the load test in one process, starts the process of the dashboards,
//! and reports the figures of both.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use platools_gateway::admin::NewToken;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::domain::ids::AgentId;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::dashboards::{Plan, Seen};
use crate::memory;
use crate::publish::Publisher;
use crate::report::{Measured, report};
use crate::{Addressing, Load};

pub async fn run(load: Load) -> anyhow::Result<()> {
    let gateway = Gateway::builder().start().await?;
    let agents = add_agents(&gateway, load.agents).await?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["watch", &gateway.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let plan = Plan {
        token: token(&gateway).await?,
        agents: agents
            .iter()
            .enumerate()
            .map(|(number, agent)| (agent.to_string(), load.watched_keys(number)))
            .collect(),
        keys: load.keys,
        is_shared: load.by != Addressing::Agent,
    };
    let mut input = child.stdin.take().context("no stdin")?;
    input.write_all(format!("{}\n", serde_json::to_string(&plan)?).as_bytes()).await?;
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    // All of them are connected.
    lines.next_line().await?.context("the dashboards ended")?;
    eprintln!("{} dashboards are connected; publishing for {} s", load.agents, load.seconds);

    let (mut memory, feed) = (Vec::new(), gateway.feed());
    let publisher = Publisher::new(&feed, &agents, load);
    let (begun, cpu_before) = (std::time::Instant::now(), cpu_seconds()?);
    let published = tokio::select! {
        published = publisher.run() => published?,
        error = memory::note(&mut memory) => return Err(error),
    };
    let took = begun.elapsed();
    let seen: Vec<Seen> = serde_json::from_str(&lines.next_line().await?.context("the dashboards ended")?)?;
    let cpu = cpu_seconds()? - cpu_before;
    gateway.shutdown().await;
    child.wait().await?;
    let problems = report(&load, &Measured { published, took, seen, memory, cpu });
    if problems.is_empty() {
        return Ok(());
    }
    bail!("the feed does not hold what it promises:\n{}", problems.join("\n"))
}

async fn add_agents(gateway: &Gateway, number: usize) -> anyhow::Result<Vec<AgentId>> {
    let mut agents = Vec::with_capacity(number);
    for number in 0..number {
        let added = gateway.core().local_admin().add_agent(&format!("agent-{number}"), Profile::default()).await?;
        agents.push(added.id);
    }
    Ok(agents)
}

async fn token(gateway: &Gateway) -> anyhow::Result<String> {
    let ttl = Duration::from_secs(24 * 60 * 60);
    let new = NewToken::new(Role::Admin, ttl);
    Ok(gateway.core().local_admin().mint_token(new).await?.token.expose_secret().to_owned())
}

/// How long this process has computed so far.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("there is no /proc")?;
    // The name in brackets may have spaces in it.
    let fields: Vec<_> = stat.rsplit_once(')').context("an unusual /proc/self/stat")?.1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // Linux tells programs in hundredths of a second, whatever it counts in.
    Ok(ticks as f64 / 100.0)
}
