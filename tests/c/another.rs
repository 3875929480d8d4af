//! Another static library made of Rust, with another copy of Rust's own code in it.

/// The sum of the numbers below `n`, or 77 where a panic on the way was caught.
#[unsafe(no_mangle)]
pub extern "C" fn another_sum(n: u32) -> u32 {
    std::panic::set_hook(Box::new(|_| ()));
    let sum = std::panic::catch_unwind(|| {
        assert!(n != 7, "seven is refused");
        (0..n).collect::<Vec<u32>>().into_iter().sum()
    });
    sum.unwrap_or(77)
}
