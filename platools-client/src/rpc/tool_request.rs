//! [`ToolRequest`]: sets up one tool call, for example its timeout. [`RpcClient::call_tool`](super::RpcClient::call_tool) returns it, and
//! `send` makes the call.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::client::RpcClient;
use super::error::RequestError;
use platools_protocol::json::to_raw_value;
use platools_protocol::rpc::{ToolsCall, ToolsReply, WRITE_DEADLINE, method};

/// A call of a tool that is to be [sent](Self::send).
#[must_use = "a tool is not called until `send`"]
pub struct ToolRequest<'a> {
    client: &'a RpcClient,
    name: String,
    arguments: Result<Box<RawValue>, serde_json::Error>,
    entity: Option<String>,
    timeout: Option<Duration>,
}

impl RpcClient {
    /// Begins a call of a tool, with arguments that are a JSON object.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use serde_json::json;
    /// # async fn example(client: platools_client::RpcClient) -> Result<(), platools_client::RequestError> {
    /// let call = client.call_tool("add", json!({"a": 2, "b": 40})).timeout(Duration::from_secs(5));
    /// assert_eq!(call.send::<i64>().await?.result, 42);
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_tool(&self, name: impl Into<String>, arguments: impl Serialize) -> ToolRequest<'_> {
        ToolRequest::new(self, name.into(), arguments)
    }
}

impl<'a> ToolRequest<'a> {
    pub(super) fn new(client: &'a RpcClient, name: String, arguments: impl Serialize) -> Self {
        Self { client, name, arguments: to_raw_value("arguments", &arguments), entity: None, timeout: None }
    }

    /// Sets the entity of the tool, where several have one of that name. Default: the gateway finds the only one.
    pub fn entity(mut self, id: impl Into<String>) -> Self {
        self.entity = Some(id.into());
        self
    }

    /// Sets the longest time for the tool, in whole milliseconds. Default: the timeout that the tool declares, or else the gateway's.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Calls the tool and waits for its result, for 10 seconds more than its timeout, or else as
    /// [`request_timeout`](super::RpcClientBuilder::request_timeout) says.
    ///
    /// Dropping the future before the request was taken off the client's queue means that it is not sent; after that the tool
    /// runs on, and its result is dropped.
    ///
    /// # Errors
    /// As for [`RpcClient::call`].
    pub async fn send<R: DeserializeOwned>(self) -> Result<ToolsReply<R>, RequestError> {
        let mut call = ToolsCall::new(self.name, self.arguments.map_err(RequestError::invalid_params)?);
        if let Some(entity) = self.entity {
            call = call.with_entity_id(entity);
        }
        let mut limit = self.client.tool_timeout();
        if let Some(timeout) = self.timeout {
            call = call.with_timeout_ms(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            limit = timeout.saturating_add(WRITE_DEADLINE);
        }
        self.client.request(method::TOOLS_CALL, &call, limit).await
    }
}

impl fmt::Debug for ToolRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRequest")
            .field("name", &self.name)
            .field("entity", &self.entity)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
