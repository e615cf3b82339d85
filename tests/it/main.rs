mod address_books;
mod gateway_stories;
mod gateway_support;
mod intake;
mod simulate_stories;
