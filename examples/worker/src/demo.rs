//! [`run`]: shows the example's worker at work, for `--once`. It starts a gateway, calls the worker's tools, and stops the worker during a
//! call.

use std::sync::Arc;

use futures::StreamExt;
use platools::PlatoolsClient;
use platools::client::Event;
use platools_client::{RequestError, RpcClient};
use platools_gateway::dev::{self, DevOptions};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::hosting;
use crate::tools::Warehouse;

/// Calls the worker's tools, and stops it while one of them runs.
pub(crate) async fn run() -> anyhow::Result<()> {
    let options = DevOptions::default();
    let secrets = options.secrets.clone();
    let gateway = dev::start(options).await?;
    let warehouse = Arc::new(Warehouse::default());
    let mut packing = warehouse.packing.subscribe();
    let client = PlatoolsClient::builder().url(gateway.url()).secret(secrets.worker.expose_secret());
    let mut client = hosting(client).shared_state(warehouse).build()?;
    // Before the worker runs, so that nothing is missed.
    let mut events = client.handle().events();
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = tokio::spawn(async move { client.run_until(stopped).await });
    while !matches!(events.next().await, Some(Event::Registered(_)) | None) {}

    let caller = RpcClient::builder().url(gateway.url()).secret(secrets.admin.expose_secret()).user_id("u-1");
    let caller = caller.connect().await?;
    show(caller.call_tool("find_item", json!({ "item": "lamp" })).send::<Value>().await);
    show(caller.call_tool("find_item", json!({ "item": "sofa" })).send::<Value>().await);
    show(caller.call_tool("pack_order", json!({ "item": "chair" })).send::<Value>().await);
    let order = caller.call_tool("pack_order", json!({ "item": "lamp", "quantity": 5 })).send::<Value>();
    let stop_in_between = async {
        let _ = packing.wait_for(|orders| *orders > 0).await;
        println!("-- the worker is told to stop while it packs");
        // An error means that the worker has ended.
        let _ = stop.send(());
    };
    let (order, ()) = tokio::join!(order, stop_in_between);
    show(order);
    worker.await??;
    println!("-- the worker has ended by itself");
    caller.disconnect().await;
    gateway.shutdown().await;
    Ok(())
}

fn show(reply: Result<platools_client::protocol::rpc::ToolsReply<Value>, RequestError>) {
    match reply {
        Ok(reply) => println!("result: {}", reply.result),
        Err(error) => match (error.gateway(), error.tool_error()) {
            (Some(told), Some(facts)) => println!("error:  {}", facts.append_to(&told.message).replace('\n', " ")),
            _ => println!("error:  {error}"),
        },
    }
}
