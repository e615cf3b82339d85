//! A line between the program and a server that can be cut, or fall silent without a word.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
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
    /// A commit arrives, and neither its answer nor anything behind it comes back.
    MuteAtCommit,
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
        let now = tokio::select! {
            _ = copy_bidirectional(&mut near, &mut server) => return,
            now = state.wait_for(|s| *s != State::Open) => now.map_or(State::Cut, |s| *s),
        };
        if now == State::MuteAtCommit {
            tokio::select! {
                () = until_commit(&mut near, &mut server) => {}
                _ = state.wait_for(|s| *s != State::MuteAtCommit) => {}
            }
        }
        far = Some(server);
    }
    _ = state.wait_for(|s| *s == State::Cut).await;
    drop((near, far));
}

/// Carries both ways until a commit has gone to the server.
async fn until_commit(near: &mut TcpStream, server: &mut TcpStream) {
    let (mut ours, mut theirs) = (vec![0; 64 * 1_024], vec![0; 64 * 1_024]);
    loop {
        tokio::select! {
            read = near.read(&mut ours) => {
                let Ok(n @ 1..) = read else { return };
                _ = server.write_all(&ours[..n]).await;
                if ours[..n].windows(6).any(|word| word == b"COMMIT") {
                    return;
                }
            }
            read = server.read(&mut theirs) => {
                let Ok(n @ 1..) = read else { return };
                _ = near.write_all(&theirs[..n]).await;
            }
        }
    }
}
