//! Guide: one limit for all processes, by a table that they share.
//!
//! Servers run as many processes: nginx's workers, gunicorn's, anything that forks. With a limiter each, every one of them
//! admits the whole limit. With a table in a file that all of them open, or in memory that they share, they enforce one:
//!
//! ```
//! use sluicegate::{Limiter, Policy};
//!
//! # let path = std::env::temp_dir().join(format!("sluicegate-guide-{}", std::process::id()));
//! # let _ = std::fs::remove_file(&path);
//! let policy: Policy = "token-bucket 100/h burst=200".parse()?;
//! // Each process does this; `path` is /dev/shm/api.table, say, or /var/lib/api/limits.table.
//! let limiter = Limiter::open(&path, policy, 100_000)?;
//! assert!(limiter.check_cost("203.0.113.10", 150).allowed());
//!
//! // Another process, or this one after a restart, goes on from there.
//! let other = Limiter::open(&path, policy, 100_000)?;
//! assert_eq!(other.check("203.0.113.10").remaining(), 49);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), sluicegate::Error>(())
//! ```
//!
//! The same is `sluice_limiter_open` in C, `sluicegate::limiter::open` in C++, `Limiter(…, path=…)` in Python and
//! `sluice serve --table`. Processes with a common parent can do without a file: see
//! [`LimiterBuilder::attach`](crate::LimiterBuilder::attach). [`TableInfo`](crate::TableInfo) and `sluice inspect` show what
//! a table holds. Shared tables need Linux.
//!
//! # What is promised
//!
//! * **One limit.** What all processes admit together is what one would: the permits admitted to a key are those of some
//!   order of all their requests. Not one more, whoever is killed, joins or leaves.
//! * **No check waits**, for a lock or for another process. Only opening a file can wait: for the one process that sets
//!   the table's clock after a reboot, or replaces the table. After a minute that is an error.
//! * **A process may end anywhere**, by `SIGKILL` too. The others go on at once. One that is killed in the middle of a call
//!   costs at most the slot that the calling thread was at; a permit it was admitted is consumed, whether or not it got
//!   to know.
//! * **The state outlives the processes.** Nothing is forgotten by a restart or a deploy; by a reboot neither, where the file
//!   is on a disk. (/dev/shm is memory: it lasts as long as the machine runs.)
//! * **A file is whole or not there.** It is made under no name or one of its own, with all its bytes set aside, and
//!   gets its name when it is ready; of several makers one wins, and the others join its table.
//! * **Everything is looked at before anything is used.** A file that is no table, is damaged or cut short, or is for another
//!   policy or number of keys, is an [`Error`](crate::Error) that says so, and stays as it was.
//! * **As fast as a table of one's own**: it is the same code over the same words.
//!
//! # What happens when
//!
//! | event | what happens |
//! | --- | --- |
//! | a process dies at any instant | The others go on. Whoever comes across what it had begun finishes it. |
//! | a process is stopped (`SIGSTOP`, a debugger) | Nobody waits for it. When it goes on, its time is late, which earns nothing. |
//! | all processes end | The file keeps the state for the next. |
//! | the machine reboots in order | On a disk the state is kept. Time goes on from the wall clock's, but never from before what the table has seen. |
//! | it loses power, or the kernel dies | The file is as the kernel last wrote it back, page by page: by default up to half a minute old. What was admitted since may be admitted again. A file that was being made is whole or not there; one that was being replaced is the old or the new one. |
//! | the disk is full | Making a table is an error, and leaves nothing behind. A table that exists needs no more space, but on file systems that write elsewhere than they read (btrfs, ZFS, thin volumes, a snapshot below): a write that finds no room there ends the process by `SIGBUS`. Docker gives a container 64 MiB of /dev/shm unless told (`--shm-size`). |
//! | memory is short | Pages of /dev/shm count as memory, of the control group of whoever made the table. They are taken when it is made, and may be swapped. |
//! | the file is cut short, or copied over in place (`cp` onto it, `>`) | A process that reaches for what is gone is ended by `SIGBUS`; who opens it afterwards gets an error. Only who may write the file can do that. Remove or rename it instead. |
//! | the file is removed, or another is moved over it | Who has it open goes on with it; who opens the name makes or joins another table, so there are two limits until all have opened it anew. [`is_current`](crate::Limiter::is_current) tells; it is cheap enough to ask every second. Cleaners of /tmp, and systemd's `RemoveIPC` for /dev/shm when a user logs out, remove files too. |
//! | the file is copied | The copy is a table of its own, as of about the moment of copying. |
//! | a table is replaced (`replace`) | A new file takes the old one's name, with the new policy and all keys' state: each has consumed as many permits as before, rounded up, up to all that the new policy allows. Who has the old file open goes on with it: what they admit after that is not known to the new one. A process that is killed while replacing has replaced the table or changed nothing. (In the instant before it does, or on file systems without nameless files, it may leave a file `NAME.….new`, which is nobody's then.) |
//! | another user opens it | The mode is 0600 whatever the umask, so another user is refused. To share it, give it a common group (`chgrp`, `chmod g+rw`). |
//! | a stranger's file is where the table should be | It is refused: a table belongs to this user or to root, or its group is one of this process's and may write it. One that all may write is refused too. |
//! | a link | It is followed: all names of a file lead to one table, and what replaces it takes the file's place. A link to nowhere is an error. |
//! | containers | Share the file by a volume, or /dev/shm by `--ipc`. Mount and user namespaces are no matter; nothing depends on process numbers. /proc must be there: it tells which boot this is. |
//! | a time namespace | Its offset is taken off, so all agree on the time. Open the table after entering it: a process that takes an open limiter into another reads a shifted clock. |
//! | virtual machines (Kata, gVisor, WSL) | Another kernel shares no memory: give each its own table. |
//! | the wall clock is set, or NTP steps it | Nothing: the table's clock counts on from where it began, the same in all processes, and steps never admit anything. Windows are as well aligned to the wall as it was at the first opening since boot. |
//! | the machine is suspended | Time goes on. ([`CoarseClock`](crate::CoarseClock) does not see that: limiters made with it before lag behind afterwards, and what they ask is late.) |
//! | NFS, SMB and other network file systems | Refused: machines do not share memory over them. |
//! | two versions of the library | With one version of the format they share the table. Another is an error that names both. |
//! | `fork` | The child shares the table by the limiter it inherits, at once; either may drop it. There are no threads, locks or descriptors to go wrong. |
//! | the table is full | As without sharing; `on_full` is each limiter's own. |
//! | hostile or broken writers | Whoever may write the file can make answers wrong, or cut it short as above. Whatever they write, a reader stays within its memory and comes to an end. |
//!
//! # Time
//!
//! A table's clock is the time since boot (`CLOCK_BOOTTIME`) and an offset that the table keeps, chosen from the wall clock
//! when the table is made and again when it is first opened after a reboot. [`MonotonicClock`](crate::MonotonicClock)
//! and [`CoarseClock`](crate::CoarseClock) take it over. Whoever brings a clock of their own, or tells the time to
//! [`check_at`](crate::Limiter::check_at), must see to it that it agrees: a time ahead of the table's counts as seen, and the
//! table's own is late after that. [`Limiter::now`](crate::Limiter::now) tells the table's time.
//!
//! # The file's format
//!
//! Words of 64 bits in the machine's byte order, of which no other size is ever read or written. All zero is an empty table,
//! so all that making one means is the first 13 words.
//!
//! | bytes | what | |
//! | ---: | --- | --- |
//! | 0 | `"sluicegt"` as a number whose first letter is its highest byte | tells the byte order |
//! | 8 | version (32 bits), slots in a bucket (8), words before byte 256 (24) | 2, 8, 32 |
//! | 16 | the file's size in bytes | |
//! | 24 | `max_keys` | |
//! | 32 | algorithm, limit, period in ns, burst | fixed window 1, sliding window 2, token bucket 3, leaky bucket 4 |
//! | 64 | a hash of all before | what the maker means to make |
//! | 72 | the seed of the keys' hash | secret, as the file's mode is |
//! | 80 | what a known key hashes to | shows that two builds hash alike |
//! | 88 | when the table was made, in ns since the Unix epoch | |
//! | 96 | a hash of all before | the table is ready |
//! | 128 | a hash of the boot that the clock is of | changes after a reboot |
//! | 136 | the clock's offset in ns | likewise |
//! | 144 | the latest time that a limiter has seen, to a second | |
//! | 256 | until when the table is known to be full | |
//! | 384 | counters: versions that were no insert, evicted, refused, allowed, rounds of versions; 8 shards of 128 bytes | |
//! | 1408 | buckets of 128 bytes: the tags of 8 slots, then their states | 8 for each 46 of `max_keys`, rounded up |
//! | then | a word for each bucket: how far keys of this home may be, and how often that was written | |
//!
//! A tag has the lower 32 bits of its key's hash, how far the slot is from the key's home, and which of the slot's owners
//! this is. A state is one word of the algorithm's, which a single compare-and-swap moves on: that is why no crash can
//! leave a key in between. Keys themselves are nowhere in the file.
