//! The C library's allocator: the system's, with every block wiped before it goes back.
//!
//! `Secret` wipes what it holds, but the buffers of HTTP and TLS have held the same bytes and wipe nothing. A block that
//! grows is always moved, which is what `GlobalAlloc::realloc` does where nobody writes one, so its old place is wiped
//! too.

#[cfg(feature = "testing")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    mem::MaybeUninit,
    slice,
};

#[global_allocator]
static WIPING: Wiping = Wiping;

struct Wiping;

// SAFETY: hands every call on to the system's allocator; a block is wiped while it is still the caller's.
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

#[cfg(not(feature = "testing"))]
fn is_wiping() -> bool {
    true
}

#[cfg(feature = "testing")]
fn is_wiping() -> bool {
    !LEAVE.load(Ordering::Relaxed)
}

/// Leaves blocks as they are. Only in the library that the tests build for themselves, to see that they would find what
/// is not wiped.
#[cfg(feature = "testing")]
pub(super) static LEAVE: AtomicBool = AtomicBool::new(false);

/// Volatile, or the compiler would leave out writes that nobody reads; by the word, since buffers are large.
fn wipe(block: &mut [MaybeUninit<u8>]) {
    fn zero<T: Default>(places: &mut [MaybeUninit<T>]) {
        for place in places {
            // SAFETY: a place that is borrowed mutably is valid for writes.
            unsafe { std::ptr::write_volatile(place, MaybeUninit::new(T::default())) };
        }
    }
    // SAFETY: any bytes are a MaybeUninit<u64>.
    let (head, words, tail) = unsafe { block.align_to_mut::<MaybeUninit<u64>>() };
    zero(head);
    zero(words);
    zero(tail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_wiped_to_its_very_ends() {
        for (start, end) in [(0, 64), (1, 63), (3, 5), (8, 8), (7, 16)] {
            let mut block = [MaybeUninit::new(0xaa); 64];
            wipe(&mut block[start..end]);
            // SAFETY: every byte was set above.
            let wiped = |index: usize| unsafe { block[index].assume_init() } == 0;
            assert!((0..64).all(|index| wiped(index) == (start..end).contains(&index)));
        }
    }
}
