//! What keys, costs and conditions are found from: a request without its body, and who sent it.

use crate::peer::{Peer, PeerSource};
use crate::route::RouteSource;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Uri};
use sluicegate::identity::{Client, Identity};
use std::cell::OnceCell;

/// A request without its body, and who sent it: what functions for keys, costs, conditions and hooks are given.
#[derive(Debug)]
pub struct RequestHead<'a> {
    parts: &'a Parts,
    finders: &'a Finders,
    client: OnceCell<Option<Client>>,
}

/// Where to find what a request itself does not tell.
#[derive(Debug, Default)]
pub(crate) struct Finders {
    pub(crate) identity: Identity,
    pub(crate) peer: PeerSource,
    pub(crate) route: RouteSource,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn new(parts: &'a Parts, finders: &'a Finders) -> Self {
        Self { parts, finders, client: OnceCell::new() }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.parts.method
    }

    /// The URI as the inner service gets it: routers that nest others cut it.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        &self.parts.uri
    }

    /// The path of the URI as it was sent, percent-encoding and all.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.parts.uri.path()
    }

    /// The header fields. Values are bytes that the client has chosen.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// What servers, routers and layers outside of this one have put there.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        &self.parts.extensions
    }

    /// The extension of a type, such as the user that an authentication layer has put there.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.parts.extensions.get()
    }

    /// The route that a router has found, such as `/users/{id}`.
    #[must_use]
    pub fn route(&self) -> Option<&'a str> {
        self.finders.route.of(self.parts)
    }

    /// Who the request comes from, by the layer's [`Identity`]. `None` where the server has not told the peer's address and
    /// no trusted proxy the client's.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        *self.client.get_or_init(|| self.find_client())
    }

    fn find_client(&self) -> Option<Client> {
        let identity = &self.finders.identity;
        let peer = self.finders.peer.of(self.parts);
        let address = match peer {
            Some(Peer::Address(address)) => Some(address),
            Some(Peer::Unix) | None => None,
        };
        let client = identity.client(address, self.parts.headers.get_all(identity.header().name()));
        (peer.is_some() || client.address().is_some()).then_some(client)
    }
}
