//! Small zeroed memory from the allocator.

use super::TABLE_ALIGN;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

#[derive(Debug)]
pub(super) struct Allocation {
    first: NonNull<u8>,
    layout: Layout,
}

impl Allocation {
    /// `bytes` zeroed bytes, aligned to [`TABLE_ALIGN`]; `None` for 0 and for more than there are.
    pub(super) fn zeroed(bytes: usize) -> Option<Self> {
        let layout = Layout::from_size_align(bytes, TABLE_ALIGN).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: the layout's size is not 0.
        let first = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { first, layout })
    }

    pub(super) fn first(&self) -> NonNull<u8> {
        self.first
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this very layout, and freed only here.
        unsafe { dealloc(self.first.as_ptr(), self.layout) }
    }
}
