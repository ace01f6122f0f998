//! The allocator of the C library: the system's, with every block wiped before it is freed. It must not allocate itself.
//!
//! `Secret` wipes its own text, but the buffers of HTTP and TLS contain the same bytes and wipe nothing. A block that grows
//! is always moved, because that is what the default `GlobalAlloc::realloc` does. So its old place is wiped too.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    mem::MaybeUninit,
    slice,
};

#[global_allocator]
static WIPING: Wiping = Wiping;

struct Wiping;

// SAFETY: forwards every call to the system's allocator; a block is wiped while the caller still owns it.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe {
            if is_wiping() {
                wipe(slice::from_raw_parts_mut(block.cast(), layout.size()));
            }
            System.dealloc(block, layout);
        }
    }
}

fn is_wiping() -> bool {
    #[cfg(feature = "testing")]
    if crate::fault::leaves_memory() {
        return false;
    }
    true
}

/// Writes zeros. The writes are volatile, because the compiler removes writes that are never read. They write whole words,
/// because buffers are large.
fn wipe(block: &mut [MaybeUninit<u8>]) {
    fn zero<T: Default>(places: &mut [MaybeUninit<T>]) {
        for place in places {
            // SAFETY: a place that is borrowed mutably is valid for writes.
            unsafe { std::ptr::write_volatile(place, MaybeUninit::new(T::default())) };
        }
    }
    // SAFETY: any bytes are a valid MaybeUninit<u64>.
    let (head, words, tail) = unsafe { block.align_to_mut::<MaybeUninit<u64>>() };
    zero(head);
    zero(words);
    zero(tail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_wiped_from_its_first_to_its_last_byte() {
        for (start, end) in [(0, 64), (1, 63), (3, 5), (8, 8), (7, 16)] {
            let mut block = [MaybeUninit::new(0xaa); 64];
            wipe(&mut block[start..end]);
            // SAFETY: every byte was set above.
            let wiped = |index: usize| unsafe { block[index].assume_init() } == 0;
            assert!((0..64).all(|index| wiped(index) == (start..end).contains(&index)));
        }
    }
}
