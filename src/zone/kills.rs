//! A process that is killed before each access in turn while it replaces a zone's policy, or decides while another does.

use super::Zone;
use crate::clock::ManualClock;
use crate::policy::Policy;
use crate::table::OnFull;
use crate::table::kills::is_killed_after;

/// Memory that a child shares.
struct Memory {
    first: *mut u8,
    bytes: usize,
}

impl Memory {
    fn new() -> Self {
        let bytes = Zone::bytes_for(1).unwrap();
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let first = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
        assert_ne!(first, libc::MAP_FAILED);
        Self { first: first.cast(), bytes }
    }

    /// A zone whose clock stands still.
    fn zone(&self) -> Zone<ManualClock> {
        let clock = ManualClock::new(NOW);
        // SAFETY: mapped as long as the test runs, and zones alone touch it.
        unsafe { Zone::attach_with(self.first, self.bytes, OLD.parse().unwrap(), OnFull::Evict, clock) }.unwrap()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`; the zones are gone.
        unsafe { libc::munmap(self.first.cast(), self.bytes) };
    }
}

const NOW: u64 = 1_800_000_000_000_000_000;
const OLD: &str = "token-bucket 4/h";
const NEW: &str = "fixed-window 6/h";

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

/// What keys may still have, by either policy, after `used` permits.
fn assert_left(zone: &Zone<ManualClock>, key: &str, used: u64) {
    let limit = zone.policy().limit();
    assert_eq!(zone.peek(key, 0).remaining(), limit - used, "{key}, of {limit}");
}

#[test]
fn whoever_is_killed_while_replacing_a_policy_has_replaced_it_or_not() {
    let mut outcomes = Vec::new();
    for accesses in 0.. {
        let memory = Memory::new();
        let zone = memory.zone();
        for (key, cost) in [("light", 1), ("heavy", 3)] {
            assert!(zone.check(key, cost).allowed());
        }
        let is_killed = is_killed_after(accesses, || memory.zone().replace(policy(NEW)).unwrap());
        // Another worker finds the one or the other, and goes on.
        let other = memory.zone();
        outcomes.push(other.policy() == policy(NEW));
        assert_left(&other, "light", 1);
        assert_left(&zone, "heavy", 3);
        assert!(other.check("light", 2).allowed());
        // Whoever replaces it next finishes what was begun.
        zone.replace(policy(NEW)).unwrap();
        assert_eq!(other.policy(), policy(NEW));
        assert_left(&zone, "light", 3);
        assert_left(&other, "heavy", 3);
        if !is_killed {
            break;
        }
    }
    println!("{} kills", outcomes.len() - 1);
    assert!(outcomes.len() > 50);
    assert!(outcomes.is_sorted() && !outcomes[0] && outcomes[outcomes.len() - 1], "it is replaced at one instant");
}

#[test]
fn whoever_is_killed_while_it_decides_in_a_replacement_costs_no_more_than_its_request() {
    for accesses in 0.. {
        let memory = Memory::new();
        let zone = memory.zone();
        assert!(zone.check("light", 1).allowed());
        // A replacement that was begun, and whose process is gone.
        zone.memory.make_successor(zone.view().unwrap(), policy(NEW), NOW).unwrap();
        assert!(zone.memory.stage().advance(0));
        let is_killed = is_killed_after(accesses, || {
            for key in ["light", "new"] {
                assert!(memory.zone().check(key, 1).allowed());
            }
        });
        let left = |key| zone.peek(key, 0).remaining();
        assert!((4..=5).contains(&left("light")) && (5..=6).contains(&left("new")));
        let before = (left("light"), left("new"));
        zone.replace(policy(NEW)).unwrap();
        assert_eq!(before, (left("light"), left("new")));
        if !is_killed {
            assert_eq!(before, (4, 5));
            break;
        }
    }
}
