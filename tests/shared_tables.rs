//! Tables in files: made, joined, refused, kept and replaced.

#![cfg(all(target_os = "linux", not(loom)))]

mod shared_support;

use shared_support::{HOUR, Scratch, policy};
use sluicegate::{Clock, Error, Limiter, OnFull, TableInfo};
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

const KEYS: u64 = 1_000;

#[test]
fn all_who_open_a_table_enforce_one_limit() {
    let path = Scratch::new("one_limit");
    let limiters: Vec<Limiter> =
        (0..5).map(|_| Limiter::open(&path, policy("token-bucket 10/h"), KEYS).unwrap()).collect();
    let admitted = (0..50).filter(|turn| limiters[turn % 5].check("somebody").allowed()).count();
    assert_eq!(admitted, 10);
    assert!(limiters.iter().all(Limiter::is_current));
}

#[test]
fn a_table_keeps_its_state_when_nobody_has_it_open() {
    let path = Scratch::new("keeps");
    let open = || Limiter::open(&path, policy("fixed-window 3/365d"), KEYS).unwrap();
    assert!((0..3).all(|_| open().check("somebody").allowed()));
    assert!(!open().check("somebody").allowed());
    assert!(open().check("somebody else").allowed());
}

#[test]
fn a_table_is_for_its_owner_alone_whatever_the_umask() {
    let path = Scratch::new("mode");
    let _limiter = Limiter::open(&path, policy("token-bucket 1/s"), KEYS).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&path).unwrap().len(), Limiter::region_size(KEYS).unwrap());
    assert_eq!(path.siblings().len(), 1, "nothing else is left in the directory");
}

#[test]
fn a_table_of_another_policy_or_size_is_an_error_that_names_both_and_stays_as_it_is() {
    let path = Scratch::new("mismatch");
    let limiter = Limiter::open(&path, policy("token-bucket 1/h"), KEYS).unwrap();
    assert!(limiter.check("somebody").allowed());
    let before = fs::read(&path).unwrap();
    let error = Limiter::open(&path, policy("token-bucket 2/h"), KEYS).unwrap_err();
    assert!(matches!(&error, Error::TableMismatch { what: "policy", .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("\"token-bucket 1/h\", not \"token-bucket 2/h\"") && text.contains("replace"), "{text}");
    let error = Limiter::open(&path, policy("token-bucket 1/h"), KEYS + 1).unwrap_err();
    assert!(matches!(&error, Error::TableMismatch { what: "max_keys", .. }), "{error:?}");
    assert!(error.to_string().contains("1000, not 1001"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!limiter.check("somebody").allowed());
}

#[test]
fn what_is_no_table_is_refused_with_what_is_wrong_and_stays_as_it_is() {
    let path = Scratch::new("no_table");
    let whole = {
        drop(Limiter::open(&path, policy("token-bucket 1/h"), KEYS).unwrap());
        fs::read(&path).unwrap()
    };
    let flipped = |byte: usize| {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x10;
        bytes
    };
    let swapped: Vec<u8> =
        whole.chunks(8).flat_map(|word| word.iter().rev().copied().collect::<Vec<_>>()).collect();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "0 bytes, fewer than any table"),
        (b"hello".to_vec(), "5 bytes, fewer than any table"),
        (vec![0; 200_000], "does not begin as a table"),
        (swapped, "other byte order"),
        (flipped(0), "does not begin as a table"),
        (flipped(8), "its format is"),
        (flipped(16), "checksum"),
        (flipped(48), "checksum"),
        (flipped(72), "checksum"),
        (flipped(96), "checksum"),
        (whole[..whole.len() - 8].to_vec(), "bytes where there should be"),
        ([&whole[..], &[0; 8]].concat(), "bytes where there should be"),
    ];
    for (bytes, problem) in cases {
        fs::write(&path, &bytes).unwrap();
        for replace in [false, true] {
            let builder = Limiter::builder(policy("token-bucket 1/h")).max_keys(KEYS).path(&path);
            let error = builder.replace(replace).build().unwrap_err();
            assert!(matches!(&error, Error::TableFormat { .. }), "{error:?}");
            assert!(error.to_string().contains(problem), "{error} should say {problem}");
            assert!(error.to_string().contains(path.to_str()), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "{problem}: the file was changed");
    }
}

#[test]
fn places_where_no_table_can_be_are_errors_that_say_why() {
    let path = Scratch::new("places");
    let refused = |path: &std::path::Path| Limiter::open(path, policy("token-bucket 1/h"), KEYS).unwrap_err();
    let directory = path.directory();
    assert!(matches!(refused(directory), Error::Io { .. }));
    assert!(matches!(
        refused(&directory.join("not there/table")),
        Error::Io { kind: std::io::ErrorKind::NotFound, .. }
    ));
    assert!(matches!(refused(std::path::Path::new("")), Error::Io { .. }));
    assert!(refused(std::path::Path::new("/dev/null")).to_string().contains("no regular file"));
    symlink("nowhere", &path).unwrap();
    assert!(matches!(refused(path.as_ref()), Error::Io { .. }), "a link to nowhere");
    fs::remove_file(&path).unwrap();
    drop(Limiter::open(&path, policy("token-bucket 1/h"), KEYS).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).unwrap();
    assert!(refused(path.as_ref()).to_string().contains("everybody on the machine may write"));
}

#[test]
fn a_full_disk_is_an_error_when_the_table_is_made() {
    // More than any file system holds.
    let path = Scratch::new("full_disk");
    let error = Limiter::open(&path, policy("token-bucket 1/h"), 1 << 45).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(path.siblings().is_empty());
}

#[test]
fn of_many_who_make_the_table_at_once_one_makes_it_and_all_share_it() {
    for _ in 0..50 {
        let path = Scratch::new("race");
        let admitted: usize = std::thread::scope(|scope| {
            let open = || {
                let limiter = Limiter::open(&path, policy("fixed-window 7/365d"), KEYS).unwrap();
                (0..7).filter(|_| limiter.check("somebody").allowed()).count()
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            all.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(admitted, 7);
        assert_eq!(path.siblings().len(), 1);
    }
}

#[test]
fn a_removed_or_replaced_file_is_told_by_its_limiters() {
    let path = Scratch::new("current");
    let open = |text| Limiter::builder(policy(text)).max_keys(KEYS).path(&path).replace(true).build().unwrap();
    let first = open("token-bucket 5/h");
    assert!(first.is_current());
    let second = open("token-bucket 6/h");
    assert!(!first.is_current() && second.is_current());
    fs::remove_file(&path).unwrap();
    assert!(!second.is_current());
    let third = open("token-bucket 6/h");
    assert!(!second.is_current() && third.is_current());
    // The old ones go on with what they have.
    assert!(first.check("somebody").allowed() && second.check("somebody").allowed());
}

#[test]
fn a_replaced_policy_keeps_what_has_been_consumed() {
    let texts = [
        "fixed-window 10/24h",
        "fixed-window 20/24h",
        "sliding-window 10/24h",
        "sliding-window 15/12h",
        "token-bucket 10/24h",
        "token-bucket 3/1h burst=30",
        "token-bucket 7/24h burst=9",
        "leaky-bucket 10/24h burst=40",
        "leaky-bucket 11/13h",
    ];
    for from in texts {
        for to in texts {
            for consumed in [0, 1, 4, 9] {
                let path = Scratch::new("replace");
                let old = Limiter::open(&path, policy(from), KEYS).unwrap();
                assert!(old.check_cost("somebody", consumed).allowed());
                let before = old.peek("somebody");
                let builder = Limiter::builder(policy(to)).max_keys(KEYS).path(&path).replace(true);
                let new = builder.build().unwrap();
                let after = new.check_cost("somebody", 0);
                let capacity = policy(to).burst();
                // A permit that has just begun to come back is still missing as a whole one.
                let missing = capacity - after.remaining();
                assert_eq!(missing, consumed.min(capacity), "{from} -> {to}, {consumed}: {before:?} {after:?}");
                assert_eq!(new.check("somebody else").remaining(), capacity - 1);
            }
        }
    }
}

#[test]
fn with_replace_the_same_policy_joins_and_another_size_is_still_an_error() {
    let path = Scratch::new("replace_same");
    let builder = |keys| Limiter::builder(policy("token-bucket 5/h")).max_keys(keys).path(&path).replace(true);
    let first = builder(KEYS).build().unwrap();
    assert!(first.check("somebody").allowed());
    let second = builder(KEYS).build().unwrap();
    assert!(first.is_current() && second.is_current());
    assert_eq!(second.check("somebody").remaining(), 3);
    assert!(matches!(builder(2 * KEYS).build(), Err(Error::TableMismatch { what: "max_keys", .. })));
}

#[test]
fn every_limiter_of_a_table_reads_the_same_clock() {
    let path = Scratch::new("clock");
    let open = || Limiter::open(&path, policy("token-bucket 5/h"), KEYS).unwrap();
    let first = open();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let second = open();
    let (one, two, three) = (first.clock().now(), second.clock().now(), first.clock().now());
    assert!(one <= two && two <= three, "{one} {two} {three}");
}

#[test]
fn the_file_is_laid_out_as_the_guide_says() {
    let path = Scratch::new("format");
    let limiter = Limiter::open(&path, policy("token-bucket 7/3s burst=9"), KEYS).unwrap();
    assert!(limiter.check("somebody").allowed());
    let bytes = fs::read(&path).unwrap();
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(word(0), u64::from_be_bytes(*b"sluicegt"));
    assert_eq!(word(8), 2 | 8 << 32 | 32 << 40);
    assert_eq!([word(16), word(24)], [bytes.len() as u64, KEYS]);
    assert_eq!([word(32), word(40), word(48), word(56)], [3, 7, 3_000_000_000, 9]);
    let info = TableInfo::read(&path).unwrap();
    assert_eq!([word(88), word(144)], [info.made_at_unix_ns, info.last_used_unix_ns]);
    assert!([64, 72, 80, 96, 128, 136].iter().all(|&at| word(at) != 0));
    assert!((0..8 * 16).all(|counter| word(384 + counter * 8) == 0));
    let buckets = (KEYS as usize * 8).div_ceil(46);
    assert_eq!(bytes.len(), 1408 + buckets * (128 + 8));
    let slots = (0..buckets).flat_map(|bucket| (0..8).map(move |slot| 1408 + bucket * 128 + slot * 8));
    let taken: Vec<usize> = slots.filter(|&tag| word(tag) != 0).collect();
    assert!(taken.len() == 1 && word(taken[0] + 64) != 0, "{taken:?}");
    // The first owner of its slot: version 1, above a bit that no refund has set.
    assert_eq!(word(taken[0]) as u32 & ((1 << 24) - 1), 1 << 1);
}

/// Words of the superblock, as `src/table/superblock.rs` says.
const BOOT: u64 = 16;
const OFFSET: u64 = 17;
const LATEST: u64 = 18;

fn word(path: &Scratch, word: u64) -> u64 {
    let mut bytes = [0; 8];
    fs::File::open(path).unwrap().read_exact_at(&mut bytes, word * 8).unwrap();
    u64::from_ne_bytes(bytes)
}

fn set_word(path: &Scratch, word: u64, value: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&value.to_ne_bytes(), word * 8).unwrap();
}

#[test]
fn after_a_reboot_the_clock_goes_on_from_the_wall_and_never_from_before_what_was_seen() {
    let path = Scratch::new("reboot");
    let open = || Limiter::open(&path, policy("token-bucket 5/h"), KEYS).unwrap();
    let before = open();
    assert!(before.check("somebody").allowed());
    let now = before.clock().now();
    assert!(now - word(&path, LATEST) < 2_000_000_000, "the latest time is noted");
    drop(before);

    // Another boot: the time since boot began anew, the wall clock went on.
    set_word(&path, BOOT, 12345);
    set_word(&path, OFFSET, 1);
    let after = open();
    assert!(after.clock().now() >= now && after.clock().now() < now + HOUR);
    assert!(after.check("somebody").remaining() == 3, "the state is kept");
    drop(after);

    // And one with a wall clock that is a day behind: what was seen is not seen again.
    let ahead = now + 24 * HOUR;
    set_word(&path, BOOT, 12345);
    set_word(&path, LATEST, ahead);
    let after = open();
    assert!(after.clock().now() >= ahead && after.clock().now() < ahead + HOUR);
    // All who join agree.
    let joined = open();
    let earlier = after.clock().now();
    assert!(joined.clock().now() >= earlier);
}

#[test]
fn a_look_at_a_table_shows_what_it_holds_and_changes_nothing() {
    let path = Scratch::new("info");
    let limiter = Limiter::builder(policy("token-bucket 5/h"))
        .max_keys(KEYS)
        .on_full(OnFull::Deny)
        .path(&path)
        .build()
        .unwrap();
    assert!((0..10u32).all(|key| limiter.check(key.to_ne_bytes()).allowed()));
    let bytes = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let info = TableInfo::read(&path).unwrap();
    assert_eq!((info.policy, info.max_keys, info.live_keys), (policy("token-bucket 5/h"), KEYS, 10));
    assert_eq!((info.inserted, info.evicted, info.refused_full), (10, 0, 0));
    assert_eq!(info.bytes, bytes.len() as u64);
    assert!(info.made_at_unix_ns <= info.now_unix_ns && info.last_used_unix_ns <= info.now_unix_ns);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(matches!(TableInfo::read(path.directory()), Err(Error::TableFormat { .. } | Error::Io { .. })));
}

#[test]
fn a_region_of_the_callers_is_made_once_and_shared_by_all_who_attach() {
    let policy = policy("fixed-window 9/365d");
    let bytes = Limiter::region_size(KEYS).unwrap() as usize;
    let region = shared_support::Region::zeroed(bytes);
    let attach = || {
        // SAFETY: the region is aligned, outlives the limiters, and nothing else touches it.
        unsafe { Limiter::builder(policy).attach(region.start(), bytes) }.unwrap()
    };
    let admitted: usize = std::thread::scope(|scope| {
        let check = || (0..9).filter(|_| attach().check("somebody").allowed()).count();
        let all: Vec<_> = (0..8).map(|_| scope.spawn(check)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(admitted, 9);
    assert!(attach().stats().capacity >= KEYS);

    // SAFETY: as above.
    let attach_other = |text: &str, from: usize, bytes: usize| unsafe {
        Limiter::builder(shared_support::policy(text)).attach(region.start().wrapping_add(from), bytes)
    };
    assert!(matches!(
        attach_other("fixed-window 8/365d", 0, bytes),
        Err(Error::TableMismatch { what: "policy", .. })
    ));
    assert!(matches!(
        attach_other("fixed-window 9/365d", 0, bytes / 2),
        Err(Error::TableMismatch { what: "max_keys", .. })
    ));
    assert!(
        matches!(attach_other("fixed-window 9/365d", 8, bytes - 8), Err(Error::TableFormat { .. })),
        "not aligned"
    );
    assert!(matches!(attach_other("fixed-window 9/365d", 128, 64), Err(Error::TableFormat { .. })), "too small");
    assert!(!attach().check("somebody").allowed());
}
