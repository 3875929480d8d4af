//! What is asked: a request as limits see it, whether it came here or a proxy tells of it.

use std::net::IpAddr;

use hyper::HeaderMap;
use sluicegate::identity::{Client, Identity};

use super::path::Path;

/// A request as limits see it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path.
    pub path: Path,
    /// Its header.
    pub headers: &'a HeaderMap,
    /// Who it comes from.
    pub client: Client,
}

/// Who a request with these headers comes from; `peer` is the other end of the connection, `None` on a Unix socket.
pub fn client(identity: &Identity, peer: Option<IpAddr>, headers: &HeaderMap) -> Client {
    identity.client(peer, headers.get_all(identity.header().name()))
}
