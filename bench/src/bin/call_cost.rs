//! Measures the time that the gateway itself takes for one call, in one process and without a network: the check of arguments, names of
//! tools, a change of the directory, and a whole call.
//!
//! ```sh
//! cargo run --release --bin call_cost
//! ```

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use platools_gateway::Role;
use platools_gateway::admin::{NewKey, NewToken};
use platools_gateway::arguments::Arguments;
use platools_gateway::calls::CallRequest;
use platools_gateway::core::Core;
use platools_gateway::directory::Claim;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::domain::identity::{Caller, Policy};
use platools_gateway::limits::Limits;
use platools_gateway::links::{Link, Order};
use platools_gateway::pending_calls::WorkerAnswer;
use platools_gateway::tools::ToolName;
use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::json;
use serde_json::value::RawValue;

const LOCAL: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Tools that one worker declares; more of them are spread over several workers.
const TOOLS_PER_WORKER: usize = 1000;

/// Fills the directory of the default project, faster than one change after the other.
const FILL: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
project = db.execute("SELECT id FROM projects").fetchone()[0]
profile = '{"systemPrompt": "%s"}' % ("x" * 4096)
with db:
    db.executemany("INSERT INTO entities (id, project_id, slug, policy, created_ms) VALUES (?, ?, ?, 'pool', 1)",
                   ((f"ent_{i}", project, f"e{i}") for i in range(10_000)))
    db.executemany("INSERT INTO entity_secrets (id, entity_id, hash, created_ms) VALUES (?, ?, ?, 1)",
                   ((f"sec_{i}", f"ent_{i}", f"{i:064x}"[::-1]) for i in range(10_000)))
    db.executemany("INSERT INTO agents (id, project_id, slug, profile, created_ms) VALUES (?, ?, ?, ?, 1)",
                   ((f"agt_{i}", project, f"a{i}", profile) for i in range(5_000)))
    db.executemany("INSERT INTO caller_keys (id, project_id, hash, role, tool_roles, created_ms) VALUES (?, ?, ?, 'operator', '[]', 1)",
                   ((f"key_{i}", project, f"{i:064x}"[::-1]) for i in range(20_000)))
"#;

#[tokio::main]
async fn main() -> Result<()> {
    arguments()?;
    for tools in [100, 1000, 5000] {
        names(tools).await?;
    }
    directory().await?;
    calls().await
}

/// A folder of its own for one measurement, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("call-cost-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Arguments of about so many bytes: orders with a few members each.
fn sample(bytes: usize) -> serde_json::Value {
    let order =
        json!({"id": "ord-1042", "quantity": 3, "price": 19.99, "note": "left at the door", "tags": ["a", "b"]});
    let count = (bytes / order.to_string().len()).max(1);
    json!({"orders": vec![order; count]})
}

fn arguments() -> Result<()> {
    for (name, bytes) in [("1 KiB", 1 << 10), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20), ("8 MiB", 8 << 20)] {
        let value = sample(bytes);
        let texts = [("compact", value.to_string()), ("pretty", serde_json::to_string_pretty(&value)?)];
        for (form, mut text) in texts {
            if form == "pretty" {
                // The same number of bytes, so that the two are comparable.
                text = serde_json::to_string_pretty(&sample(bytes * bytes / text.len()))?;
            }
            let raw = RawValue::from_string(text)?;
            let label = format!("Arguments::parse, {name}, {form}");
            report(&label, || drop(black_box(Arguments::parse(black_box(&raw)))));
        }
    }
    let numbers = json!({"rows": (0..1_000_000_u64).map(|n| n * 7_919).collect::<Vec<_>>()}).to_string();
    let raw = RawValue::from_string(numbers)?;
    report("Arguments::parse, 10 MiB of numbers, compact", || drop(black_box(Arguments::parse(black_box(&raw)))));
    Ok(())
}

/// Prints the median and the best time of a piece of work, over half a second and at least 9 runs.
fn report(label: &str, mut work: impl FnMut()) {
    work();
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.len() < 9 || (begun.elapsed() < Duration::from_millis(500) && times.len() < 100_000) {
        let started = Instant::now();
        work();
        times.push(started.elapsed());
    }
    print(label, times);
}

fn print(label: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (median, best, worst) = (times[times.len() / 2], times[0], times[times.len() - 1]);
    println!("{label:<52} p50 {median:>10.2?}  best {best:>10.2?}  worst {worst:>10.2?}  ({} runs)", times.len());
}

/// A gateway without a network, with so many tools, and somebody to call them.
struct Bench {
    core: Arc<Core>,
    caller: Caller,
    links: Vec<Link>,
    _folder: Folder,
}

async fn gateway(name: &str, tools: usize) -> Result<Bench> {
    let folder = Folder::new(name)?;
    let core = Core::open(&folder.0, &Limits::default()).await?;
    let mut links = Vec::new();
    for worker in 0..tools.div_ceil(TOOLS_PER_WORKER) {
        let secret = core.local_admin().add_entity(&format!("worker-{worker}"), Policy::Supersede).await?.secret;
        let claim = Claim { secret: Some(secret), ..Claim::default() };
        let link = core.authenticator.connect(core.authenticator.next_generation(), claim, LOCAL).await?;
        let count = TOOLS_PER_WORKER.min(tools - worker * TOOLS_PER_WORKER);
        let schema = json!({"type": "object", "properties": {"orders": {"type": "array"}, "text": {"type": "string"}}});
        let declared = (0..count)
            .map(|tool| ToolDeclaration::new(format!("tool_{worker}_{tool}"), "Does something.", schema.clone()));
        core.registrations.register(link.identity(), &link.fence(), declared.collect()).await?;
        links.push(link);
    }
    let key = core.local_admin().add_key(NewKey::new(Role::Operator)).await?.secret;
    let caller = core.authenticator.authenticate(&key, LOCAL).await?;
    Ok(Bench { core: Arc::new(core), caller, links, _folder: folder })
}

async fn names(tools: usize) -> Result<()> {
    let bench = gateway(&format!("names-{tools}"), tools).await?;
    let (core, caller) = (&bench.core, &bench.caller);
    let view = core.tools.view(caller, None, None)?;
    let last = format!("tool_{}_{}", (tools - 1) / TOOLS_PER_WORKER, (tools - 1) % TOOLS_PER_WORKER);
    timed(&format!("tool of a name, {tools} tools"), 10_000, async || {
        core.tools.of_handle(caller, &view, &last).await.map(drop)
    })
    .await?;
    timed(&format!("tools of a view, {tools} tools"), 100, async || core.tools.in_view(caller, &view).await.map(drop))
        .await?;
    timed(&format!("list of tools, {tools} tools"), 100, async || core.tools.list(caller, None).await.map(drop))
        .await?;
    Ok(())
}

async fn timed<E>(label: &str, runs: usize, work: impl AsyncFn() -> Result<(), E>) -> Result<(), E> {
    work().await?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let started = Instant::now();
        work().await?;
        times.push(started.elapsed());
    }
    print(label, times);
    Ok(())
}

async fn directory() -> Result<()> {
    let folder = Folder::new("directory")?;
    Core::open(&folder.0, &Limits::default()).await?.close().await;
    fill(&folder.0)?;
    let core = Core::open_existing(&folder.0).await?;
    let admin = core.local_admin();
    let number = std::sync::atomic::AtomicUsize::new(0);
    let slug = || format!("new-{}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let profile = Profile::default;
    timed("one more agent, beside 35,000 rows", 20, async || admin.add_agent(&slug(), profile()).await.map(drop))
        .await?;
    timed("one more key, beside 35,000 rows", 20, async || admin.add_key(NewKey::new(Role::Viewer)).await.map(drop))
        .await?;
    let started = Instant::now();
    let many = (0..20).map(|_| async { admin.add_agent(&slug(), profile()).await.map(drop) });
    futures::future::try_join_all(many).await?;
    println!("{:<52} {:.2?} for all", "20 more agents at once", started.elapsed());
    let mut token = NewToken::new(Role::Operator, Duration::from_secs(600));
    token.credential.agent = Some("a17".to_owned());
    let signed = admin.mint_token(token).await?;
    timed("a request with an agent's token", 10_000, async || {
        core.authenticator.authenticate(&signed.token, LOCAL).await.map(drop)
    })
    .await?;
    core.close().await;
    Ok(())
}

fn fill(folder: &Path) -> Result<()> {
    let status = Command::new("python3").arg("-c").arg(FILL).arg(folder.join("gateway.sqlite")).status();
    ensure!(status.context("python3 fills the database")?.success(), "the database could not be filled");
    Ok(())
}

async fn calls() -> Result<()> {
    let mut bench = gateway("calls", 1).await?;
    let mut link = bench.links.remove(0);
    let core = Arc::clone(&bench.core);
    let worker = tokio::spawn(async move {
        let scope = link.identity().scope();
        while let Some(order) = link.next().await {
            let Order::Call(delivery) = order else { continue };
            link.sent(&delivery.call_id);
            let result = RawValue::from_string("1".to_owned()).expect("a number is JSON");
            core.pending.answer(&scope, &delivery.call_id, WorkerAnswer::Returned { result, latency_ms: 0 });
        }
    });
    for (name, bytes, runs) in
        [("1 KiB", 1 << 10, 500), ("64 KiB", 1 << 16, 200), ("1 MiB", 1 << 20, 50), ("8 MiB", 8 << 20, 20)]
    {
        let raw = RawValue::from_string(sample(bytes).to_string())?;
        timed(&format!("a call with {name} of arguments"), runs, async || {
            bench.core.calls.call(&bench.caller, request(&raw)?).await.map(drop)
        })
        .await?;
    }
    let raw = RawValue::from_string(sample(1024).to_string())?;
    let number = std::sync::atomic::AtomicUsize::new(0);
    timed("a call with an idempotency key", 200, async || {
        let name = format!("name-{}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        bench.core.calls.call_with_key(&bench.caller, &name, request(&raw)?).await.map(drop)
    })
    .await?;
    worker.abort();
    Ok(())
}

fn request(arguments: &RawValue) -> Result<CallRequest, platools_gateway::Error> {
    let tool = ToolName { name: "tool_0_0".to_owned(), entity: None, environment: None };
    Ok(CallRequest::new(tool, Arguments::parse(arguments)?, Duration::from_secs(30)))
}
