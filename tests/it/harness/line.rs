//! A line between the program and a server that can be cut, or fall silent without a word.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Bytes go through.
    Open,
    /// Nothing goes through, and nobody is told: what is sent meanwhile never arrives.
    Silent,
    /// Connections are closed, also new ones.
    Cut,
}

/// A line to one server.
pub(crate) struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl Line {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, seen) = watch::channel(State::Open);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, server, seen.clone()));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// Carries one connection's bytes. One that has met silence stays silent, for its packets were lost and neither end is
/// told: it is kept open until the line is cut.
async fn carry(mut near: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    let now = *state.borrow_and_update();
    let mut far = None;
    if now == State::Open {
        let Ok(mut server) = TcpStream::connect(server).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut server) => return,
            _ = state.wait_for(|s| *s != State::Open) => {}
        }
        far = Some(server);
    }
    _ = state.wait_for(|s| *s == State::Cut).await;
    drop((near, far));
}
