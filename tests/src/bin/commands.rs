//! A worker with the commands of `platools::cli`, as a process for tests.

use std::process::ExitCode;

use platools::cli::Cli;
use platools::doctor::Rule;
use platools::{Context, LogLevel, ToolError, ToolRegistry, tool, tools};

/// Pack an order for the caller.
#[tool(destructive)]
async fn pack_order(
    /// The item, such as lamp.
    #[arg(length(1..=20))]
    item: String,
    /// Number of items to pack.
    #[arg(default = 1, range(1..=10))]
    quantity: u32,
    ctx: &Context,
) -> Result<String, ToolError> {
    if item == "sofa" {
        return Err(ToolError::new("there is no sofa").with_code("unknown_item"));
    }
    ctx.log(LogLevel::Info, "packing");
    ctx.progress(1.0).total(quantity.into()).message("the first").send();
    Ok(format!("{quantity} x {item} for {}", ctx.user_id().unwrap_or("nobody")))
}

/// Remove an order.
#[tool]
async fn remove_order() -> Result<String, ToolError> {
    Ok("removed".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let registry = ToolRegistry::new().with_tools(tools![pack_order, remove_order]);
    match registry {
        Ok(registry) => {
            let allowed = std::env::var_os("ALLOWED").is_some();
            let cli = Cli::new(registry).with_doctor(move |doctor| match allowed {
                true => doctor.allow_everywhere(Rule::UnreachableParam, "people know the items"),
                false => doctor,
            });
            cli.run().await
        }
        Err(error) => platools::cli::fail(&error),
    }
}
