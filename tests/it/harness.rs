//! What the tests stand on. A story takes the highest of these that shows what it is about:
//!
//! | module | what is real | what a test says |
//! |---|---|---|
//! | [`program`] | the binary as a child process, its settings file, a simulated carrier | `stage.run(&["send", …])`, kill it, read its output |
//! | [`county`] | office and engine in this process, SQLite, a simulated carrier over TCP | `county.send(…)`, `county.finish(run)`, both sides agree |
//! | [`http_county`] | the same with a carrier that speaks HTTP and calls the daemon | `county.send(…)`, callbacks |
//! | [`story`] | the use cases with a clock in hand, on both databases | who does what, what the ledger holds |
//! | [`town`] | a carrier's work-order interface, days lived through | draft, issue, proof, figures |
//! | [`journal`] | the engine's journal with frozen runs, on both databases | one line an operation, all figures computed again |
//! | [`ledger`] | a database with a little of everything, changed behind the program's back | what the audit finds |
//! | [`gateway`] | one gateway's links against a simulated carrier over TCP | submits, answers, reports |
//! | [`line`] | a TCP line that can be cut or fall silent | `line.set(State::Silent)` |
//! | [`center`] | a message centre of SMPP by script, byte by byte | what it hears, what it says |
//! | [`foreign`] | other people's SMPP implementations as child processes | what they and we said |
//! | [`wiretap`] | a TCP conversation as a capture file | what others' tools read in it |
//! | [`postgres`] | databases on the server of `WATCHBELL_TEST_POSTGRES` | |

pub(crate) mod center;
pub(crate) mod county;
pub(crate) mod foreign;
pub(crate) mod gateway;
pub(crate) mod http_county;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod line;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod story;
pub(crate) mod town;
pub(crate) mod wiretap;
