//! [`FeedRequest`]: a dashboard's request for a WebSocket, read from the query of the URL: the agent and the token.

use axum::extract::Query;
use axum::http::Uri;
use secrecy::SecretString;
use serde::Deserialize;

/// A request to watch an agent. The token is a secret in an unusual place: browsers can send no header with a
/// WebSocket.
#[derive(Debug)]
pub(in crate::listen) struct FeedRequest {
    pub(super) token: Option<SecretString>,
    /// The secret of the browser's session, which a request without a token uses.
    pub(super) session: Option<SecretString>,
    /// By slug or id.
    pub(super) agent: String,
}

#[derive(Deserialize)]
struct FeedQuery {
    token: Option<String>,
    #[serde(rename = "agentId")]
    agent_id: Option<String>,
}

impl FeedRequest {
    /// The request of a URL; none if it names neither a token nor an agent.
    pub(in crate::listen) fn of(uri: &Uri) -> Option<Self> {
        let Query(FeedQuery { token, agent_id }) =
            Query::try_from_uri(uri).ok().or_else(|| with_repeated_members(uri))?;
        (token.is_some() || agent_id.is_some()).then(|| Self {
            token: token.filter(|token| !token.is_empty()).map(Into::into),
            session: None,
            agent: agent_id.unwrap_or_default(),
        })
    }

    /// Adds the secret of the session of the browser that sends the request.
    pub(in crate::listen) fn or_session(self, session: Option<SecretString>) -> Self {
        Self { session, ..self }
    }
}

/// A query with a member twice. It is meant for the feed, and names neither a token nor an agent.
fn with_repeated_members(uri: &Uri) -> Option<Query<FeedQuery>> {
    let names = |query: &str| {
        let mut names = query.split('&').map(|member| member.split('=').next().unwrap_or_default());
        names.any(|name| matches!(name, "token" | "agentId"))
    };
    uri.query().is_some_and(names).then(|| Query(FeedQuery { token: None, agent_id: Some(String::new()) }))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn request(uri: &'static str) -> Option<(Option<String>, String)> {
        let request = FeedRequest::of(&Uri::from_static(uri))?;
        Some((request.token.map(|token| token.expose_secret().to_owned()), request.agent))
    }

    #[test]
    fn a_url_that_says_neither_who_nor_what_is_for_somebody_else() {
        for uri in ["/ws", "/ws?", "/ws?user=1", "/ws?a=token"] {
            assert_eq!(request(uri), None, "{uri}");
        }
        let known = |token: Option<&str>, agent: &str| Some((token.map(str::to_owned), agent.to_owned()));
        for (uri, expected) in [
            ("/ws?token=t&agentId=a%20b", known(Some("t"), "a b")),
            ("/ws?agentId=a&more=1&token=t", known(Some("t"), "a")),
            ("/ws?agentId=a", known(None, "a")),
            ("/ws?token=&agentId=a", known(None, "a")),
            ("/ws?token=t", known(Some("t"), "")),
            ("/ws?token=t&token=u&agentId=a", known(None, "")),
        ] {
            assert_eq!(request(uri), expected, "{uri}");
        }
    }
}
