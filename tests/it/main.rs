//! Tests from outside, one binary: files by feature, helpers in `support`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod address_books;
mod county_support;
mod gateway_stories;
mod gateway_support;
mod intake;
mod recorder_stories;
mod recorder_support;
mod sending_stories;
mod tidy;
