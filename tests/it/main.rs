
mod gateway_stories;
mod gateway_support;
mod simulate_stories;
