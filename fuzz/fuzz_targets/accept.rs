//! Any bytes as an `Accept` header: one of the bodies on offer is chosen, by rules that hold whatever the header is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http::BodyFormat;

fuzz_target!(|input: &[u8]| {
    let [which, accept @ ..] = input else { return };
    let offered: Vec<_> = (0..5).filter(|n| which >> n & 1 == 1).map(|n| BodyFormat::ALL[n]).collect();
    let chosen = BodyFormat::from_accept_of(accept, &offered);
    match offered.first() {
        None => assert_eq!(chosen, BodyFormat::Json),
        Some(first) => {
            assert!(offered.contains(&chosen));
            // Members that are no media ranges count as if they were not there.
            let with_junk = [b"nonsense,;q=1,", accept].concat();
            assert_eq!(BodyFormat::from_accept_of(&with_junk, &offered), chosen);
            // Whoever names a body that is on offer, and nothing else, gets it or one of the same type.
            let named = BodyFormat::from_accept_of(chosen.content_type(), &offered);
            assert_eq!(named.content_type(), chosen.content_type());
            // Case is no matter, and of one there is no choice.
            assert_eq!(BodyFormat::from_accept_of(accept.to_ascii_uppercase(), &offered), chosen);
            assert_eq!(BodyFormat::from_accept_of(accept, &[*first]), *first);
        }
    }
});
