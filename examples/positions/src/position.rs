//! [`Position`]: describes a position with its profit or loss at one price, as dashboards receive it. [`PositionUpdate`] describes a change
//! of a position.

use serde::Serialize;

use crate::prices::Price;

/// A position as it is stored, without a present price.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holding {
    pub(crate) id: String,
    pub(crate) wallet_address: String,
    pub(crate) token_address: String,
    pub(crate) token_symbol: String,
    /// The number of assets.
    pub(crate) amount: f64,
    /// The cost of one of them, in SOL.
    pub(crate) purchase_price: f64,
    /// At this price or below it is closed.
    pub(crate) stop_loss: Option<f64>,
    /// At this price or above it is closed.
    pub(crate) take_profit: Option<f64>,
}

/// A position with its profit or loss at the present price.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Position {
    #[serde(flatten)]
    pub(crate) holding: Holding,
    /// In SOL; the purchase price where no price is known.
    pub(crate) current_price: f64,
    /// 0 without a known price.
    pub(crate) current_price_usd: f64,
    /// In SOL.
    pub(crate) profit_loss: f64,
    pub(crate) profit_loss_percent: f64,
}

impl Holding {
    /// The position at a price, or at its purchase price if there is none.
    pub(crate) fn at(self, price: Option<Price>) -> Position {
        let current_price = price.map_or(self.purchase_price, |price| price.sol);
        Position {
            current_price,
            current_price_usd: price.map_or(0.0, |price| price.usd),
            profit_loss: (current_price - self.purchase_price) * self.amount,
            profit_loss_percent: (current_price / self.purchase_price - 1.0) * 100.0,
            holding: self,
        }
    }
}

impl Position {
    /// True if a price is known.
    pub(crate) fn has_price(&self) -> bool {
        self.current_price_usd > 0.0
    }

    /// True if the price has reached the stop-loss or the take-profit.
    pub(crate) fn is_over(&self) -> bool {
        self.holding.stop_loss.is_some_and(|limit| self.current_price <= limit)
            || self.holding.take_profit.is_some_and(|limit| self.current_price >= limit)
    }
}

/// A price, as it travels.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PriceUpdate<'a> {
    token_address: &'a str,
    price: f64,
    price_usd: f64,
}

impl<'a> PriceUpdate<'a> {
    pub(crate) fn new(token_address: &'a str, price: Price) -> Self {
        Self { token_address, price: price.sol, price_usd: price.usd }
    }
}

/// A change of a position, as it travels.
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

    fn holding() -> Holding {
        Holding {
            id: "p-1".to_owned(),
            wallet_address: "W".to_owned(),
            token_address: "A".to_owned(),
            token_symbol: "BOLU".to_owned(),
            amount: 10.0,
            purchase_price: 2.0,
            stop_loss: Some(1.0),
            take_profit: None,
        }
    }

    #[test]
    fn profit_and_loss_are_those_of_the_present_price() {
        let position = holding().at(Some(Price::of(3.0)));
        assert!((position.profit_loss - 10.0).abs() < 1e-9 && (position.profit_loss_percent - 50.0).abs() < 1e-9);
        assert!(!position.is_over() && holding().at(Some(Price::of(1.0))).is_over());
        assert!(Holding { take_profit: Some(3.0), ..holding() }.at(Some(Price::of(3.0))).is_over());
    }

    #[test]
    fn a_position_without_a_price_is_at_its_purchase_price_and_at_no_dollars() {
        let position = json!(holding().at(None));
        assert_eq!((&position["currentPrice"], &position["currentPriceUsd"]), (&json!(2.0), &json!(0.0)));
        assert_eq!((&position["profitLoss"], &position["profitLossPercent"]), (&json!(0.0), &json!(0.0)));
        assert!(!holding().at(None).is_over());
    }

    #[test]
    fn updates_are_written_as_the_page_reads_them() {
        let updated = json!(PositionUpdate::Updated { position: holding().at(Some(Price::of(2.0))) });
        assert_eq!(
            (&updated["eventType"], &updated["position"]["tokenSymbol"]),
            (&json!("position_updated"), &json!("BOLU"))
        );
        let closed = json!(PositionUpdate::Closed { position_id: "p-1".to_owned() });
        assert_eq!(closed, json!({"eventType": "position_closed", "positionId": "p-1"}));
        let price = json!(PriceUpdate::new("A", Price::of(2.0)));
        assert_eq!(price, json!({"tokenAddress": "A", "price": 2.0, "priceUsd": 300.0}));
    }
}
