//! The layer around axum on a socket, with real clients.

mod answers;
mod clients;
mod delays;
mod example;
mod hooks;
mod hostile;
mod keys;
mod limits;
mod outcomes;
mod services;
mod support;
