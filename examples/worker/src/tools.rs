//! [`Warehouse`]: keeps the stock of a small warehouse. Methods of this type are the worker's tools.

use std::collections::HashMap;
use std::time::Duration;

use platools::tool::IntoToolError;
use platools::{Context, ToolError, tool};
use tokio::sync::watch;

/// The warehouse that the tools share.
#[derive(Debug)]
pub(crate) struct Warehouse {
    /// Number of each item in stock.
    stock: HashMap<&'static str, u32>,
    /// Number of orders that are being packed.
    pub(crate) packing: watch::Sender<u32>,
}

impl Default for Warehouse {
    fn default() -> Self {
        Self { stock: HashMap::from([("lamp", 12), ("chair", 0)]), packing: watch::Sender::default() }
    }
}

/// Reasons for which an order cannot be served. The caller's program tells them apart by their codes.
#[derive(Debug)]
pub(crate) enum StockError {
    UnknownItem(String),
    TooFew { left: u32 },
}

impl IntoToolError for StockError {
    fn into_tool_error(self) -> ToolError {
        match self {
            Self::UnknownItem(item) => ToolError::new(format!("there is no item {item}")).with_code("unknown_item"),
            Self::TooFew { left } => ToolError::new(format!("only {left} are left"))
                .with_code("too_few")
                .with_details(serde_json::json!({ "left": left })),
        }
    }
}

impl Warehouse {
    fn left(&self, item: &str) -> Result<u32, StockError> {
        self.stock.get(item).copied().ok_or_else(|| StockError::UnknownItem(item.to_owned()))
    }
}

/// Tell how many of an item are in stock.
#[tool(read_only, timeout = "5s")]
pub(crate) async fn find_item(
    /// The item, such as lamp.
    item: String,
    warehouse: &Warehouse,
) -> Result<u32, StockError> {
    warehouse.left(&item)
}

/// Pack an order, which takes a moment.
#[tool(timeout = "1m", max_concurrency = 4)]
pub(crate) async fn pack_order(
    /// The item, such as lamp.
    item: String,
    /// Number of items to pack.
    #[arg(default = 1, range(1..=10))]
    quantity: u32,
    warehouse: &Warehouse,
    ctx: &Context,
) -> Result<String, StockError> {
    let left = warehouse.left(&item)?;
    if left < quantity {
        return Err(StockError::TooFew { left });
    }
    warehouse.packing.send_modify(|orders| *orders += 1);
    for packed in 1..=quantity {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ctx.progress(packed.into()).total(quantity.into()).send();
    }
    warehouse.packing.send_modify(|orders| *orders -= 1);
    Ok(format!("{quantity} x {item} packed"))
}
