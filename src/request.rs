//! Pure: settings and a secret make the one HTTP request that asks for a token.

use crate::secret::Secret;

/// A POST to the token endpoint, complete but for Host and Content-Length.
pub(crate) struct TokenRequest {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) body: Secret,
}
