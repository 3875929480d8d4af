//! What decisions become over HTTP, read as a client reads it: fields by a structured-field parser that is not ours, JSON
//! by serde, HTML as a document; and whether what they say comes true.
#![cfg(not(loom))]

mod bodies;
mod browser;
#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "../common/mod.rs"]
mod common;
mod families;
mod honesty;
mod hostile;
#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "../model/mod.rs"]
mod model;
mod reading;
mod several;
mod vectors;
