//! The options that say who is asking.

use clap::Args;
use sluicegate::identity::{ForwardingHeader, Identity, Proxies};

use crate::error::Failure;

/// Who is asking, where proxies are between the clients and us.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who is asking")]
pub struct Clients {
    /// Proxies that are believed about their clients: a number of hops, or networks such as 10.0.0.0/8,loopback,unix
    ///
    /// A number says how many proxies stand between the clients and here, and is right only where nobody can get past
    /// them. Networks are right everywhere; beside ADDRESS and ADDRESS/PREFIX there are `loopback`, `private` (loopback and
    /// the private and local ranges) and `unix` (peers on a Unix socket). `none` believes nobody: the client is the peer.
    #[arg(long, value_name = "N|NETWORK,...", default_value = "none", value_parser = parse::<Proxies>)]
    pub trusted_proxies: Proxies,

    /// The one header that trusted proxies name their clients in: x-forwarded-for, forwarded or another list of addresses
    #[arg(long, value_name = "NAME", default_value = "x-forwarded-for", value_parser = parse::<ForwardingHeader>)]
    pub client_header: ForwardingHeader,

    /// How many bits of an IPv4 address count, 1 to 32
    #[arg(long, value_name = "BITS", default_value_t = 32, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub ipv4_prefix: u8,

    /// How many bits of an IPv6 address count, 1 to 128
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..=128))]
    pub ipv6_prefix: u8,
}

impl Clients {
    /// The identity that the options describe.
    pub fn identity(&self) -> Result<Identity, Failure> {
        Identity::behind(self.client_header.clone(), self.trusted_proxies.clone())
            .ipv4_prefix(self.ipv4_prefix)
            .and_then(|identity| identity.ipv6_prefix(self.ipv6_prefix))
            .map_err(|error| Failure::Usage(error.to_string()))
    }
}

fn parse<T: std::str::FromStr<Err = sluicegate::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: sluicegate::Error| error.to_string())
}
