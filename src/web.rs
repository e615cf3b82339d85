//! What every HTTP client and body of ours shares: one TLS provider, and the signature over a body that
//! both ends check.

pub mod signing;
pub mod tls;
