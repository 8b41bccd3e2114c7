//! `token`: signs, lists and revokes tokens, and rotates the keys that sign them.

use std::time::Duration;

use clap::Subcommand;
use humantime::parse_duration;
use platools_gateway::admin::{Admin, NewToken, SignedToken, SigningKeyView, Token, TokensBefore};
use platools_gateway::dto::TokenDto;
use platools_gateway::ports::time::rfc3339;
use secrecy::ExposeSecret as _;

use super::credential_args::CredentialArgs;
use super::data_args::ProjectArgs;
use super::output::{ListArgs, say};

/// The number of tokens that are read at once for a list.
const PAGE: usize = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Sign a token for a caller. `entity token` signs those of workers.
    Mint {
        #[command(flatten)]
        credential: CredentialArgs,
        /// The user it is for.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Lifetime of the token, such as 1h; at most 366 days.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        ttl: Duration,
    },
    /// List the valid tokens, of callers and of workers, latest first, without the tokens themselves.
    List(ListArgs),
    /// Revoke a token, with those that were minted with it, and close the sockets that were opened with them.
    Revoke {
        /// Id of the token, as the list and the journal show it.
        id: String,
    },
    /// Make a new key that signs tokens from now on, those of all projects.
    RotateKey {
        /// Time for which tokens of the previous keys stay valid, such as 1h. Then sockets that were opened with them are closed.
        #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
        grace: Duration,
    },
}

/// The members that the list shows.
const MEMBERS: &str =
    "id name role toolRoles userId agentId entityId speaksFor environments parent createdAt expiresAt lastUsedAt";

pub(super) async fn run(project: &ProjectArgs, command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Mint { credential, user, ttl } => {
            let role = credential.role;
            let new = NewToken { credential: credential.into(), user_id: user, ttl };
            let signed = project.with(async |admin| admin.mint_token(new).await).await?;
            print(&format!("{role} token {}", signed.id), &signed)
        }
        TokenCommand::List(listing) => {
            let tokens = project.with(async |admin| all(&admin).await).await?;
            listing.print::<TokenDto>(tokens, MEMBERS)
        }
        TokenCommand::Revoke { id } => {
            project.with(async |admin| admin.revoke_token(&id).await).await?;
            say(&format!("revoked the token {id}"))
        }
        TokenCommand::RotateKey { grace } => {
            let keys = project.with(async |admin| admin.rotate_signing_key(grace).await).await?;
            say(&rotated(&keys))
        }
    }
}

/// All tokens, a page at a time.
async fn all(admin: &Admin<'_>) -> Result<Vec<Token>, platools_gateway::Error> {
    let mut tokens: Vec<Token> = Vec::new();
    loop {
        let last = tokens.last().map(|token| TokensBefore { created_ms: token.created_ms, id: token.id.clone() });
        let page = admin.tokens(last.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        tokens.extend(page);
        if is_last {
            return Ok(tokens);
        }
    }
}

/// The new key, and until when each of the others is good.
fn rotated(keys: &[SigningKeyView]) -> String {
    let line = |key: &SigningKeyView| match (key.is_signing, key.verifies_until_ms) {
        (true, _) => format!("tokens are signed by the key {} from now on", key.id),
        (false, Some(until_ms)) => format!("tokens of the key {} are good until {}", key.id, rfc3339(until_ms)),
        (false, None) => format!("tokens of the key {} are good until they end", key.id),
    };
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Prints a token at the end of its line, so that a script can take it.
pub(super) fn print(what: &str, signed: &SignedToken) -> anyhow::Result<()> {
    say(&format!("{what}, good until {}: {}", rfc3339(signed.expires_ms), signed.token.expose_secret()))
}
