//! TLS for outgoing HTTP: rustls over ring, chosen once for the process. Two providers in one build
//! would otherwise make the first connection panic.

use std::sync::Once;

/// Installs the provider; further calls do nothing.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that somebody else in this process was first, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
    });
}
