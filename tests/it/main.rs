//! Tests from outside, one binary: files by feature, helpers in `support`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod address_books;
mod commands;
mod contacts;
mod gateway_stories;
mod gateway_support;
mod intake;
mod log;
mod support;
mod tidy;
mod users;
