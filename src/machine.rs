//! What the operating system says of time: since the machine's boot, by the wall, and which boot it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch by the wall clock, 0 for a clock set before 1970.
pub(crate) fn wall_clock_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{coarse_monotonic_ns, monotonic_ns, since_boot_ns};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{coarse_monotonic_ns, since_boot_ns};

#[cfg(target_os = "linux")]
pub(crate) use linux::{boot_id, namespace_offset_ns};

#[cfg(target_os = "linux")]
mod linux {
    use crate::table::KeyHash;
    use std::fs::{read_link, read_to_string};
    use std::io;

    /// Nanoseconds since the machine's boot, suspended or not: the same for all processes, but for those in a time
    /// namespace of their own.
    #[inline]
    pub(crate) fn since_boot_ns() -> u64 {
        read_clock(libc::CLOCK_BOOTTIME)
    }

    /// Nanoseconds that the machine was awake since its boot.
    pub(crate) fn monotonic_ns() -> u64 {
        read_clock(libc::CLOCK_MONOTONIC)
    }

    /// The same at the kernel's last tick.
    #[inline]
    pub(crate) fn coarse_monotonic_ns() -> u64 {
        read_clock(libc::CLOCK_MONOTONIC_COARSE)
    }

    #[inline]
    fn read_clock(clock: libc::clockid_t) -> u64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid, exclusive place for one timespec, which is all the call writes. The clocks exist
        // since Linux 2.6.39, before any kernel Rust supports, so the call cannot fail.
        unsafe { libc::clock_gettime(clock, &raw mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    /// A number for the present boot of the machine, never 0.
    pub(crate) fn boot_id() -> io::Result<u64> {
        let text = read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(KeyHash::from_seed(0).hash(text.trim().as_bytes()).max(1))
    }

    /// How much later `since_boot_ns` is in this process's time namespace than outside of all (time_namespaces(7)).
    pub(crate) fn namespace_offset_ns() -> io::Result<i64> {
        let namespace = match read_link("/proc/self/ns/time") {
            Ok(namespace) => namespace,
            // A kernel without time namespaces.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        if namespace.as_os_str() == "time:[4026531834]" {
            // The one that all began in, which has had this number ever since there are others.
            return Ok(0);
        }
        // The file with the offsets tells those of the namespace that children will be in.
        if read_link("/proc/self/ns/time_for_children")? != namespace {
            let problem = "the process has left its time namespace for its children's; open the table in a child";
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        let offsets = read_to_string("/proc/self/timens_offsets")?;
        boottime_offset_ns(&offsets).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, offsets))
    }

    /// The line of `CLOCK_BOOTTIME`, whose second number, the nanoseconds, is never negative.
    fn boottime_offset_ns(offsets: &str) -> Option<i64> {
        let line = offsets.lines().find_map(|line| line.strip_prefix("boottime"))?;
        let mut numbers = line.split_whitespace().map(str::parse);
        let (seconds, ns): (i64, i64) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(seconds.saturating_mul(1_000_000_000).saturating_add(ns))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_offsets_of_a_time_namespace_are_read_as_the_kernel_writes_them() {
            let offsets = |boottime: &str| format!("monotonic           5         0\n{boottime}\n");
            assert_eq!(boottime_offset_ns(&offsets("boottime         1000         7")), Some(1_000_000_000_007));
            assert_eq!(boottime_offset_ns(&offsets("boottime           -2 999999999")), Some(-1_000_000_001));
            assert_eq!(boottime_offset_ns(&offsets("boottime            0         0")), Some(0));
            assert_eq!(boottime_offset_ns(&offsets("")), None);
            assert_eq!(boottime_offset_ns(&offsets("boottime x y")), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::sync::OnceLock;
    use std::time::Instant;

    /// Nanoseconds since this process first asked: as good as any beginning where no other process shares it.
    pub(crate) fn since_boot_ns() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        // u64 nanoseconds last 584 years, so the cast loses nothing in any machine's uptime.
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }

    pub(crate) fn coarse_monotonic_ns() -> u64 {
        since_boot_ns()
    }
}
