//! What each PDU from the peer does to a session.

use tokio::time::Instant;

use super::{LinkEnd, REFUSAL_FLUSH, Session, SessionEvent, State};
use crate::gateway::{
    LoginFault, LoginRefusal,
    protocol::{Incoming, Response, SessionProtocol},
};

impl<P: SessionProtocol> Session<P> {
    pub(super) fn handle(&mut self, now: Instant, incoming: Incoming) {
        if self.state == State::Refused {
            return;
        }
        let is_login = matches!(incoming, Incoming::LogsIn { .. });
        if self.state == State::AwaitingLogin && !is_login {
            return self.end(LinkEnd::RequestBeforeLogin);
        }
        match incoming {
            Incoming::LogsIn { answer, refused } => self.logs_in(now, &answer, refused),
            Incoming::NotServed { answer } => self.transmit.extend_from_slice(&answer),
            Incoming::LoggedIn => {
                if self.state == State::LoggingIn {
                    self.enter(State::Up, None);
                    self.events.push_back(SessionEvent::Up);
                }
            }
            Incoming::LoginRefused(refusal) => {
                if self.state == State::LoggingIn {
                    self.login_refused(refusal);
                }
            }
            Incoming::Nacked {
                login,
                sequence,
                answer,
                unknown_command,
            } => match self.state {
                State::LoggingIn => self.login_refused(login),
                _ if unknown_command && self.carries_several(sequence) => {
                    self.answered_singly(sequence);
                }
                _ => self.answered(now, sequence, answer, &[]),
            },
            Incoming::Answered {
                sequence,
                answer,
                except,
            } => self.answered(now, sequence, answer, &except),
            Incoming::Delivered { deliver, content } => {
                let event = SessionEvent::Delivered { deliver, content };
                self.events.push_back(event);
            }
            Incoming::Malformed(deliver) => self.respond(deliver, false),
            Incoming::NothingToKeep(deliver) => self.respond(deliver, true),
            Incoming::KeepAlive { sequence } => {
                self.events.push_back(SessionEvent::StillThere);
                self.protocol
                    .respond(sequence, Response::KeepAlive, &mut self.transmit);
            }
            Incoming::Unbind { sequence } => self.peer_unbinds(now, sequence),
            Incoming::UnbindAnswered => match self.state {
                State::Unbinding => self.end(LinkEnd::Unbound { answered: true }),
                State::UnboundByPeer => self.end(LinkEnd::UnboundByPeer),
                State::LoggingIn
                | State::Up
                | State::AwaitingLogin
                | State::Serving
                | State::Refused
                | State::PeerUnbinds
                | State::Draining => {}
            },
            Incoming::Other => {}
        }
    }

    fn login_refused(&mut self, refusal: LoginRefusal) {
        let reason = refusal.reason.clone();
        self.events.push_back(SessionEvent::LoginRefused(refusal));
        self.end(LinkEnd::LoginRefused(reason));
    }

    /// The peer's login, as the protocol has judged it. One that comes again changes nothing.
    fn logs_in(&mut self, now: Instant, answer: &[u8], refused: Option<String>) {
        self.transmit.extend_from_slice(answer);
        if self.state != State::AwaitingLogin {
            return;
        }
        match refused {
            None => {
                self.enter(State::Serving, None);
                self.events.push_back(SessionEvent::Up);
            }
            Some(reason) => {
                let refusal = LoginRefusal {
                    reason,
                    about: LoginFault::Credentials,
                };
                self.events.push_back(SessionEvent::LoginRefused(refusal));
                self.enter(State::Refused, Some(now + REFUSAL_FLUSH));
            }
        }
    }
}
