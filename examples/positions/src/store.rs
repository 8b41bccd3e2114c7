//! Positions and prices: one SQLite file.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow};
use sqlx::{Row as _, SqlitePool};

use crate::position::Position;
use crate::replay::{Move, Token};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS tokens (
        address TEXT PRIMARY KEY,
        symbol  TEXT NOT NULL,
        price   REAL NOT NULL
    );
    CREATE TABLE IF NOT EXISTS positions (
        id             INTEGER PRIMARY KEY AUTOINCREMENT,
        token_address  TEXT NOT NULL REFERENCES tokens (address),
        amount         REAL NOT NULL,
        purchase_price REAL NOT NULL,
        stop_loss      REAL,
        take_profit    REAL
    );";

const POSITIONS: &str = "SELECT p.*, t.symbol, t.price FROM positions p JOIN tokens t ON t.address = p.token_address";

/// Everything that there is.
#[derive(Debug, Clone)]
pub(crate) struct Store(SqlitePool);

impl Store {
    /// Opens the file, and makes it with these tokens if it is not there.
    pub(crate) async fn open(file: &Path, tokens: &[Token]) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let mut change = pool.begin().await?;
        for token in tokens {
            sqlx::query("INSERT INTO tokens (address, symbol, price) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(&token.address)
                .bind(&token.symbol)
                .bind(token.price)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await?;
        Ok(Self(pool))
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    /// The tokens, by their symbols.
    pub(crate) async fn tokens(&self) -> anyhow::Result<Vec<Token>> {
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY symbol").fetch_all(&self.0).await?;
        let token =
            |row: &SqliteRow| Token { address: row.get("address"), symbol: row.get("symbol"), price: row.get("price") };
        Ok(rows.iter().map(token).collect())
    }

    /// The positions, the oldest first, at the present prices.
    pub(crate) async fn positions(&self) -> anyhow::Result<Vec<Position>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{POSITIONS} ORDER BY p.id"))).fetch_all(&self.0).await?;
        Ok(rows.iter().map(position).collect())
    }

    /// Notes how prices move.
    pub(crate) async fn set_prices(&self, moves: &[Move]) -> anyhow::Result<()> {
        let mut change = self.0.begin().await?;
        for Move { address, price } in moves {
            sqlx::query("UPDATE tokens SET price = $2 WHERE address = $1")
                .bind(address)
                .bind(price)
                .execute(&mut *change)
                .await?;
        }
        Ok(change.commit().await?)
    }

    /// Buys a token at its present price.
    pub(crate) async fn open_position(&self, token: &str, amount: f64) -> anyhow::Result<Position> {
        let added = sqlx::query(
            "INSERT INTO positions (token_address, amount, purchase_price) SELECT address, $2, price FROM tokens WHERE address = $1",
        )
        .bind(token)
        .bind(amount)
        .execute(&self.0)
        .await?;
        self.position(&added.last_insert_rowid().to_string()).await
    }

    /// Says at which prices a position is to be closed.
    pub(crate) async fn set_limits(&self, id: &str, stop_loss: f64, take_profit: f64) -> anyhow::Result<Position> {
        sqlx::query("UPDATE positions SET stop_loss = $2, take_profit = $3 WHERE id = $1")
            .bind(id)
            .bind(stop_loss)
            .bind(take_profit)
            .execute(&self.0)
            .await?;
        self.position(id).await
    }

    pub(crate) async fn close_position(&self, id: &str) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM positions WHERE id = $1").bind(id).execute(&self.0).await?;
        Ok(())
    }

    async fn position(&self, id: &str) -> anyhow::Result<Position> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{POSITIONS} WHERE p.id = $1"))).bind(id);
        Ok(position(&query.fetch_one(&self.0).await?))
    }
}

fn position(row: &SqliteRow) -> Position {
    let position = Position {
        id: row.get::<i64, _>("id").to_string(),
        token_address: row.get("token_address"),
        token_symbol: row.get("symbol"),
        amount: row.get("amount"),
        purchase_price: row.get("purchase_price"),
        stop_loss: row.get("stop_loss"),
        take_profit: row.get("take_profit"),
        current_price: 0.0,
        current_price_usd: 0.0,
        profit_loss: 0.0,
        profit_loss_percent: 0.0,
    };
    position.at(row.get("price"))
}
