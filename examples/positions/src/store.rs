//! [`Store`]: stores wallets, positions, traded assets and their quotes in one SQLite file.

use std::path::Path;

use platools_gateway::domain::ids::AgentId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow};
use sqlx::{Row as _, SqlitePool};

use crate::position::Holding;
use crate::replay::{Asset, Move};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS assets (
        address TEXT PRIMARY KEY,
        symbol  TEXT NOT NULL,
        price   REAL
    );
    CREATE TABLE IF NOT EXISTS agent_wallets (
        wallet_address TEXT PRIMARY KEY,
        agent_id       TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS positions (
        id             INTEGER PRIMARY KEY AUTOINCREMENT,
        wallet_address TEXT NOT NULL REFERENCES agent_wallets (wallet_address),
        token_address  TEXT NOT NULL REFERENCES assets (address),
        amount         REAL NOT NULL,
        purchase_price REAL NOT NULL,
        stop_loss      REAL,
        take_profit    REAL
    );";

const POSITIONS: &str = "SELECT p.*, t.symbol FROM positions p JOIN assets t ON t.address = p.token_address";

/// Everything that there is.
#[derive(Debug, Clone)]
pub(crate) struct Store(SqlitePool);

impl Store {
    /// Opens the file, and makes it with these assets if it is not there.
    pub(crate) async fn open(file: &Path, assets: &[Asset]) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let mut change = pool.begin().await?;
        for asset in assets {
            sqlx::query("INSERT INTO assets (address, symbol, price) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(&asset.address)
                .bind(&asset.symbol)
                .bind(asset.price)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await?;
        Ok(Self(pool))
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    /// The assets, by their symbols.
    pub(crate) async fn assets(&self) -> anyhow::Result<Vec<Asset>> {
        let rows = sqlx::query("SELECT * FROM assets ORDER BY symbol").fetch_all(&self.0).await?;
        let asset =
            |row: &SqliteRow| Asset { address: row.get("address"), symbol: row.get("symbol"), price: row.get("price") };
        Ok(rows.iter().map(asset).collect())
    }

    /// The last quotes of assets, without those that have none.
    pub(crate) async fn quotes(&self, assets: &[&str]) -> anyhow::Result<Vec<(String, f64)>> {
        let mut quotes = Vec::new();
        for asset in assets {
            let query = sqlx::query("SELECT price FROM assets WHERE address = $1").bind(asset);
            let row = query.fetch_optional(&self.0).await?;
            let price = row.and_then(|row| row.get::<Option<f64>, _>("price"));
            quotes.extend(price.map(|price| ((*asset).to_owned(), price)));
        }
        Ok(quotes)
    }

    pub(crate) async fn add_wallet(&self, agent: &AgentId, wallet: &str) -> anyhow::Result<()> {
        sqlx::query("INSERT INTO agent_wallets (wallet_address, agent_id) VALUES ($1, $2)")
            .bind(wallet)
            .bind(agent.as_str())
            .execute(&self.0)
            .await?;
        Ok(())
    }

    /// The addresses of an agent's wallets.
    pub(crate) async fn wallets(&self, agent: &AgentId) -> anyhow::Result<Vec<String>> {
        let query = sqlx::query("SELECT wallet_address FROM agent_wallets WHERE agent_id = $1 ORDER BY wallet_address");
        let rows = query.bind(agent.as_str()).fetch_all(&self.0).await?;
        Ok(rows.iter().map(|row| row.get("wallet_address")).collect())
    }

    /// The positions in a wallet, the oldest first.
    pub(crate) async fn holdings(&self, wallet: &str) -> anyhow::Result<Vec<Holding>> {
        let query = sqlx::AssertSqlSafe(format!("{POSITIONS} WHERE p.wallet_address = $1 ORDER BY p.id"));
        let rows = sqlx::query(query).bind(wallet).fetch_all(&self.0).await?;
        Ok(rows.iter().map(holding).collect())
    }

    /// Notes how prices move.
    pub(crate) async fn set_prices(&self, moves: &[Move]) -> anyhow::Result<()> {
        let mut change = self.0.begin().await?;
        for Move { address, price } in moves {
            sqlx::query("UPDATE assets SET price = $2 WHERE address = $1")
                .bind(address)
                .bind(price)
                .execute(&mut *change)
                .await?;
        }
        Ok(change.commit().await?)
    }

    /// Buys an asset at a price, for a wallet.
    pub(crate) async fn open_position(
        &self,
        wallet: &str,
        asset: &str,
        amount: f64,
        price: f64,
    ) -> anyhow::Result<Holding> {
        let added = sqlx::query(
            "INSERT INTO positions (wallet_address, token_address, amount, purchase_price) VALUES ($1, $2, $3, $4)",
        )
        .bind(wallet)
        .bind(asset)
        .bind(amount)
        .bind(price)
        .execute(&self.0)
        .await?;
        self.holding(&added.last_insert_rowid().to_string()).await
    }

    /// Sets the prices at which a position closes.
    pub(crate) async fn set_limits(&self, id: &str, stop_loss: f64, take_profit: f64) -> anyhow::Result<Holding> {
        sqlx::query("UPDATE positions SET stop_loss = $2, take_profit = $3 WHERE id = $1")
            .bind(id)
            .bind(stop_loss)
            .bind(take_profit)
            .execute(&self.0)
            .await?;
        self.holding(id).await
    }

    pub(crate) async fn close_position(&self, id: &str) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM positions WHERE id = $1").bind(id).execute(&self.0).await?;
        Ok(())
    }

    async fn holding(&self, id: &str) -> anyhow::Result<Holding> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{POSITIONS} WHERE p.id = $1"))).bind(id);
        Ok(holding(&query.fetch_one(&self.0).await?))
    }
}

fn holding(row: &SqliteRow) -> Holding {
    Holding {
        id: row.get::<i64, _>("id").to_string(),
        wallet_address: row.get("wallet_address"),
        token_address: row.get("token_address"),
        token_symbol: row.get("symbol"),
        amount: row.get("amount"),
        purchase_price: row.get("purchase_price"),
        stop_loss: row.get("stop_loss"),
        take_profit: row.get("take_profit"),
    }
}
