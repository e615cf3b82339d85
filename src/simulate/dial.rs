//! A carrier that dials its client: it opens a connection of its own, logs in there, and keeps it open; lost,
//! it dials again, with longer and longer pauses while it can't log in.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::net::TcpStream;

use super::{
    Shared,
    connection::{self, Opened},
    dialect,
};

/// The first pause, and the longest; a real gateway's are minutes.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Dials whenever there is an address and no connection.
pub(super) async fn keep_dialling(shared: Arc<Shared>) -> Infallible {
    let mut addresses = shared.dials.subscribe();
    let mut pause = FIRST_PAUSE;
    loop {
        let address = addresses.borrow_and_update().clone();
        let Some(address) = address else {
            // The sender lives as long as we do.
            _ = addresses.changed().await;
            continue;
        };
        let let_in = tokio::select! {
            let_in = dial(&address, &shared) => let_in,
            _ = addresses.changed() => true,
        };
        pause = match let_in {
            true => FIRST_PAUSE,
            false => (pause * 2).min(LONGEST_PAUSE),
        };
        tokio::time::sleep(pause).await;
    }
}

/// One connection, to its end; true if the login was taken.
async fn dial(address: &str, shared: &Arc<Shared>) -> bool {
    let Some(dialect) = dialect::open(&shared.settings) else {
        return false;
    };
    match TcpStream::connect(address).await {
        Ok(stream) => connection::serve(stream, dialect, shared.clone(), Opened::ByUs).await,
        Err(_) => false,
    }
}
