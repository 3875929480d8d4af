//! Who is at the other end of the connection.

use http::request::Parts;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Who is at the other end of the connection.
///
/// Servers other than axum's can tell the layer by putting it, or an [`IpAddr`] or a [`SocketAddr`], into the request's
/// extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// One that has an address.
    Address(IpAddr),
    /// One that has none: of a Unix socket, or of a call within the process.
    Unix,
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address.ip())
    }
}

type Find = dyn Fn(&Parts) -> Option<Peer> + Send + Sync;

/// Where the peer is found.
#[derive(Clone, Default)]
pub(crate) enum PeerSource {
    #[default]
    Extensions,
    Function(Arc<Find>),
}

impl PeerSource {
    pub(crate) fn of(&self, parts: &Parts) -> Option<Peer> {
        match self {
            Self::Extensions => in_extensions(parts),
            Self::Function(find) => find(parts),
        }
    }
}

fn in_extensions(parts: &Parts) -> Option<Peer> {
    let extensions = &parts.extensions;
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(address)) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some((*address).into());
    }
    let peer = extensions.get::<Peer>().copied();
    let address = || extensions.get::<SocketAddr>().map(|address| (*address).into());
    peer.or_else(address).or_else(|| extensions.get::<IpAddr>().map(|address| (*address).into()))
}

impl fmt::Debug for PeerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extensions => "Extensions",
            Self::Function(_) => "Function",
        })
    }
}
