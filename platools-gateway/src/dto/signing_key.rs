//! [`SigningKeyDto`]: the JSON of a key that signs tokens.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::SigningKeyView;
use crate::ports::time::rfc3339;

/// A key that signs and verifies tokens, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SigningKey)]
pub struct SigningKeyDto {
    /// The `kid` in the header of each token it signed.
    id: String,
    /// True if it signs new tokens; the others only verify.
    signing: bool,
    /// Time when the gateway made it; none for a key that was supplied.
    created_at: Option<String>,
    /// Time when it stops verifying.
    verifies_until: Option<String>,
}

impl From<SigningKeyView> for SigningKeyDto {
    fn from(key: SigningKeyView) -> Self {
        Self {
            id: key.id,
            signing: key.is_signing,
            created_at: key.created_ms.map(rfc3339),
            verifies_until: key.verifies_until_ms.map(rfc3339),
        }
    }
}
