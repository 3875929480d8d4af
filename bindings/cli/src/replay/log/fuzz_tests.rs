//! Whatever bytes a line holds, it is read or refused; nothing panics.

use proptest::prelude::*;

use super::{Format, KeyField, LogReader};

const LINES: [&str; 3] = [
    "vhost:80 10.0.0.1 - frank [17/May/2015:10:05:03 +0000] \"GET /a?b \\\" HTTP/1.1\" 200 5 \"ref\\\"\" \"agent\"",
    "{\"ts\":1431857103.25,\"remote_addr\":\"::1\",\"user\":\"a\\u00e9\\n\",\"request\":{\"uri\":[\"/x?y\"]}}",
    "{\"time_local\":\"17/May/2015:10:05:03 +0000\",\"@timestamp\":\"2015-05-17T10:05:03.5Z\",\"request\":\"GET / HTTP/1.1\"}",
];
const KEYS: [&str; 7] =
    ["ip", "user", "path", "field:agent", "field:referer", "field:status", "field:request.uri"];

/// Reads `line` for every key and in every format; gives how many readings succeeded.
fn readings(line: &[u8]) -> usize {
    let mut read = 0;
    for key in KEYS {
        let key = KeyField::parse(key).unwrap();
        for format in [Format::Auto, Format::Common, Format::Json] {
            let mut reader = LogReader::new(format, &key);
            // The second reading meets what the first one left remembered.
            let first = reader.read(line).is_ok();
            assert_eq!(first, reader.read(line).is_ok());
            read += usize::from(first);
        }
    }
    read
}

#[test]
fn the_lines_before_mutation_are_good() {
    for line in LINES {
        assert!(readings(line.as_bytes()) > 0, "{line}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        readings(&line);
    }

    #[test]
    fn mutated_lines_never_panic(
        which in 0..LINES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut line = LINES[which].as_bytes().to_vec();
        for (at, byte, kind) in changes {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => line.truncate(at.max(1)),
            }
        }
        readings(&line);
    }
}
