//! [`WaitingResponse`]: counts the bytes of responses that clients have not read yet. A response beyond the memory budget is refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{Method, Response};
use http_body_util::BodyExt as _;

use crate::limits::{HeldBytes, Limiter, OverBudget};

/// Counts the responses to requests of one method from one address.
pub(super) struct WaitingResponse {
    limiter: Arc<Limiter>,
    from: IpAddr,
    /// True if the request only reads. The work of other requests is done, so their responses are not refused.
    is_look: bool,
}

/// Bytes of a body that count for as long as there is a copy of them, also in the buffers of the connection.
struct CountedBytes {
    bytes: Bytes,
    _held: Option<HeldBytes>,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl WaitingResponse {
    pub(super) fn new(limiter: Arc<Limiter>, from: IpAddr, method: &Method) -> Self {
        Self { limiter, from, is_look: *method == Method::GET }
    }

    /// The response, counted if it is long, or the refusal of it.
    pub(super) fn count(self, response: Response<Body>) -> Result<Response<Body>, OverBudget> {
        // A body whose length is not known is one that comes bit by bit.
        let Some(bytes) = response.body().size_hint().exact().filter(|_| self.is_look) else { return Ok(response) };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let Some(held) = self.limiter.waiting_response(self.from, bytes)? else { return Ok(response) };
        let mut held = Some(held);
        let count = move |bytes| Bytes::from_owner(CountedBytes { bytes, _held: held.take() });
        Ok(response.map(|body| {
            let mut count = count;
            Body::new(body.map_frame(move |frame| frame.map_data(&mut count)))
        }))
    }
}
