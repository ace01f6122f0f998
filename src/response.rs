//! Pure: a raw HTTP answer becomes a grant or an error (RFC 6749 §5).

use crate::secret::Secret;
use std::time::Duration;
use zeroize::Zeroizing;

/// An HTTP answer as it came, bounded by the transport.
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    /// Names in lower case; values that were not UTF-8 are left out.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// What the server granted, before anyone has looked at a clock.
pub(crate) struct Grant {
    pub(crate) access_token: Secret,
    /// As the server wrote it; "Bearer" if it did not.
    pub(crate) token_type: String,
    pub(crate) scope: Option<String>,
    /// Above 0 and at most ten years. `None`: neither `expires_in` nor a JWT told.
    pub(crate) lifetime: Option<Duration>,
    /// The JSON object without access_token, refresh_token, id_token.
    pub(crate) response: Secret,
}
