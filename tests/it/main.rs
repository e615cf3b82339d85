
mod gateway_stories;
mod gateway_support;
