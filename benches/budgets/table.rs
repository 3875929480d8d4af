//! The budgets. This is the one place to change when a path is meant to take more, or has come to take less.
//!
//! Counts are of one check, with what the loop around it takes taken out: with rustc 1.95, optimised as the benches are.
//! Another compiler may need a few instructions more or fewer.

/// What a path may take, and why it takes that.
pub struct Budget {
    /// The path, as `paths.rs` names it.
    pub path: &'static str,
    /// Instructions.
    pub instructions: f64,
    /// Locked instructions among them: each waits for all stores before it, and takes 15 to 20 cycles.
    pub locked: f64,
    /// Lines of memory fetched, where the table is far larger than the cache; `None` for a single key's, which stay.
    pub lines: Option<f64>,
    /// What the count is made of.
    pub why: &'static str,
}

/// By what share a count may exceed its budget: by what compilers differ.
pub const TOLERANCE: f64 = 0.04;

const fn budget(path: &'static str, instructions: f64, locked: f64, why: &'static str) -> Budget {
    Budget { path, instructions, locked, lines: None, why }
}

const fn of_many(path: &'static str, instructions: f64, locked: f64, lines: f64, why: &'static str) -> Budget {
    Budget { lines: Some(lines), ..budget(path, instructions, locked, why) }
}

pub const BUDGETS: &[Budget] = &[
    budget(
        "hit, fixed window",
        129.0,
        1.0,
        "a call to a function of its own, which looks at home; the window's number by a multiplication",
    ),
    budget(
        "hit, sliding window",
        194.0,
        1.0,
        "as fixed, and what is left of the window before by two multiplications",
    ),
    budget(
        "hit, token bucket",
        80.0,
        1.0,
        "rapidhash of 8 bytes, 8 tags compared at once, the tag read twice, one swap, all of the answer written; compiled \
         into the loop, which keeps the policy in registers",
    ),
    budget("hit, leaky bucket", 80.0, 1.0, "the same word and rule as the token bucket's"),
    budget("hit, only whether allowed", 66.0, 1.0, "nothing of the answer is worked out that nobody asks for"),
    budget(
        "hit, key of 16 bytes",
        91.0,
        1.0,
        "the hash is told apart by the length, which is not known beforehand",
    ),
    budget("hit, key of 24 bytes", 108.0, 1.0, "the hash is called, and takes a step for every 16 bytes more"),
    budget("hit, key of 40 bytes", 115.0, 1.0, "the same, two steps"),
    budget(
        "batch item",
        118.0,
        1.0,
        "as a hit, whole answer; the request is read from memory, its hash kept between the two passes, the length of its key \
         not known",
    ),
    budget("denial, fixed window", 122.0, 0.0, "as a hit, and nothing is written"),
    budget(
        "denial, sliding window",
        225.0,
        0.0,
        "as a hit; when the request will fit is found by two divisions of 64 bits",
    ),
    budget("denial, token bucket", 71.0, 0.0, "as a hit, and nothing is written"),
    budget("denial, leaky bucket", 71.0, 0.0, "as the token bucket's"),
    budget("denial, only whether allowed", 60.0, 0.0, "as the hit's"),
    budget(
        "C call, hit",
        149.0,
        1.0,
        "arguments are looked at, the permits left are worked out; the answer goes from registers to its place",
    ),
    budget("C call, batch item", 140.5, 1.0, "the requests' pointers are looked at once for each"),
    budget("C call, denial", 144.0, 0.0, "as a hit"),
    of_many(
        "many keys, hit",
        86.1,
        1.0,
        2.07,
        "a line of tags and a line of states; one key in twenty is not at home",
    ),
    of_many("many keys, batch item", 125.6, 1.0, 2.08, "as single hits"),
    of_many("many keys, denial", 78.8, 0.0, 2.11, "as a hit"),
    of_many(
        "many keys, insert",
        283.6,
        2.25,
        3.15,
        "tag and state are swapped, in line where the slot was never used; one in four is not at home: it changes a header \
         too, and has looked further for a place; the second look is at home alone",
    ),
    of_many(
        "many keys, evict",
        604.0,
        3.93,
        5.72,
        "as an insert over a slot in use: the word is frozen first, the eviction counted; 8 words are weighed at home, as \
         numbers; 25 instructions and a line for each bucket that the home's keys have spilled to, 2 or 3 of them",
    ),
];
