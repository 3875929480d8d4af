//! What a limiter that wants to share a table asks for.

use crate::policy::Policy;
use crate::table::Geometry;

/// A table for a policy and a size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) policy: Policy,
    pub(crate) max_keys: u64,
    pub(crate) geometry: Geometry,
    /// Whether a table with another policy is to be replaced by one with this.
    pub(crate) replace: bool,
}
