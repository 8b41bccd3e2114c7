//! What is shown of a position.

use serde::Serialize;

/// What one SOL costs in dollars. Good enough for an example.
pub(crate) const SOL_IN_USD: f64 = 150.0;

/// A position with its profit or loss at the present price.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Position {
    pub(crate) id: String,
    pub(crate) token_address: String,
    pub(crate) token_symbol: String,
    /// How many tokens.
    pub(crate) amount: f64,
    /// What one of them cost, in SOL.
    pub(crate) purchase_price: f64,
    /// At this price or below it is closed.
    pub(crate) stop_loss: Option<f64>,
    /// At this price or above it is closed.
    pub(crate) take_profit: Option<f64>,
    pub(crate) current_price: f64,
    pub(crate) current_price_usd: f64,
    /// In SOL.
    pub(crate) profit_loss: f64,
    pub(crate) profit_loss_percent: f64,
}

impl Position {
    /// The position at a price.
    pub(crate) fn at(mut self, price: f64) -> Self {
        self.current_price = price;
        self.current_price_usd = price * SOL_IN_USD;
        self.profit_loss = (price - self.purchase_price) * self.amount;
        self.profit_loss_percent = (price / self.purchase_price - 1.0) * 100.0;
        self
    }

    /// Whether a price was reached at which it is to be closed.
    pub(crate) fn is_over(&self) -> bool {
        self.stop_loss.is_some_and(|limit| self.current_price <= limit)
            || self.take_profit.is_some_and(|limit| self.current_price >= limit)
    }
}

/// A price, as it travels.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PriceUpdate<'a> {
    pub(crate) token_address: &'a str,
    pub(crate) price: f64,
    pub(crate) price_usd: f64,
}

impl<'a> PriceUpdate<'a> {
    pub(crate) fn new(token_address: &'a str, price: f64) -> Self {
        Self { token_address, price, price_usd: price * SOL_IN_USD }
    }
}

/// What happened to a position, as it travels.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "eventType", rename_all_fields = "camelCase")]
pub(crate) enum PositionUpdate {
    #[serde(rename = "position_created")]
    Created { position: Position },
    #[serde(rename = "position_updated")]
    Updated { position: Position },
    #[serde(rename = "position_closed")]
    Closed { position_id: String },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn position() -> Position {
        let position = Position {
            id: "p-1".to_owned(),
            token_address: "A".to_owned(),
            token_symbol: "BOLU".to_owned(),
            amount: 10.0,
            purchase_price: 2.0,
            stop_loss: Some(1.0),
            take_profit: None,
            current_price: 0.0,
            current_price_usd: 0.0,
            profit_loss: 0.0,
            profit_loss_percent: 0.0,
        };
        position.at(2.0)
    }

    #[test]
    fn profit_and_loss_are_those_of_the_present_price() {
        let position = position().at(3.0);
        assert!((position.profit_loss - 10.0).abs() < 1e-9 && (position.profit_loss_percent - 50.0).abs() < 1e-9);
        assert!(!position.is_over() && position.clone().at(1.0).is_over());
        assert!(Position { take_profit: Some(3.0), ..position }.is_over());
    }

    #[test]
    fn updates_are_written_as_the_page_reads_them() {
        let updated = json!(PositionUpdate::Updated { position: position() });
        assert_eq!(
            (&updated["eventType"], &updated["position"]["tokenSymbol"]),
            (&json!("position_updated"), &json!("BOLU"))
        );
        let closed = json!(PositionUpdate::Closed { position_id: "p-1".to_owned() });
        assert_eq!(closed, json!({"eventType": "position_closed", "positionId": "p-1"}));
        let price = json!(PriceUpdate::new("A", 2.0));
        assert_eq!(price, json!({"tokenAddress": "A", "price": 2.0, "priceUsd": 300.0}));
    }
}
