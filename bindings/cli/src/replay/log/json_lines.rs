//! JSON lines: one object on each line, its time and key under any of the names that servers give them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::timestamp::{TimeReader, unix_fraction, unix_integer};
use super::{Entry, KeyField, Unreadable, path_of, present};

/// Names under which a time is looked for, the most telling first: `time` may hold how long a request took.
pub const TIME_NAMES: [&str; 14] = [
    "@timestamp",
    "timestamp",
    "ts",
    "msec",
    "time_msec",
    "time_iso8601",
    "time_local",
    "StartUTC",
    "StartLocal",
    "time",
    "datetime",
    "date_time",
    "date",
    "t",
];

const IP_NAMES: [&str; 16] = [
    "remote_addr",
    "client_ip",
    "remote_ip",
    "request.client_ip",
    "request.remote_ip",
    "ClientHost",
    "clientip",
    "clientIp",
    "remoteIp",
    "ip",
    "client.ip",
    "source.ip",
    "client",
    "remote_host",
    "request.remote_addr",
    "host",
];

const USER_NAMES: [&str; 8] =
    ["remote_user", "user", "user_id", "username", "user_name", "ClientUsername", "user.name", "user.id"];

const PATH_NAMES: [&str; 9] =
    ["path", "uri", "request_uri", "RequestPath", "request.uri", "request.path", "url.path", "url", "request"];

/// Where in a (nested) object something wanted may be.
#[derive(Debug, Default)]
struct Place {
    name: String,
    time_rank: Option<usize>,
    key_rank: Option<usize>,
    inside: Vec<Place>,
}

impl Place {
    fn at(&mut self, path: &[&str]) -> &mut Self {
        let Some((name, rest)) = path.split_first() else {
            return self;
        };
        let at = self.inside.iter().position(|p| p.name == *name);
        let at = at.unwrap_or_else(|| {
            self.inside.push(Self { name: (*name).to_owned(), ..Self::default() });
            self.inside.len() - 1
        });
        self.inside[at].at(rest)
    }

    fn want_key(&mut self, name: &str, rank: usize) {
        let path: Vec<&str> = name.split('.').collect();
        // A dotted name may also be the literal name of a flat field.
        self.at(&[name]).key_rank.get_or_insert(rank);
        self.at(&path).key_rank.get_or_insert(rank);
    }
}

/// Reads JSON lines.
#[derive(Debug)]
pub struct JsonLines {
    places: Place,
    is_path: bool,
    clock: TimeReader,
    /// A key that cannot be borrowed from the line, because it was escaped or is a number.
    unescaped: Vec<u8>,
    respelt: String,
    restored: Vec<u8>,
}

/// What was found in one line.
struct Found<'l> {
    time: Option<(usize, u64)>,
    bad_time: bool,
    key: Option<(usize, Key<'l>)>,
}

#[derive(Clone, Copy)]
enum Key<'l> {
    Borrowed(&'l [u8]),
    Unescaped,
}

impl JsonLines {
    /// A reader that looks for `key`.
    pub fn new(key: &KeyField) -> Self {
        let names: &[&str] = match key {
            KeyField::Ip => &IP_NAMES,
            KeyField::User => &USER_NAMES,
            KeyField::Path => &PATH_NAMES,
            KeyField::Named(name) => &[name.as_str()],
        };
        let mut places = Place::default();
        for (rank, name) in names.iter().enumerate() {
            places.want_key(name, rank);
        }
        for (rank, name) in TIME_NAMES.iter().enumerate() {
            places.at(&[name]).time_rank = Some(rank);
        }
        Self {
            places,
            is_path: *key == KeyField::Path,
            clock: TimeReader::default(),
            unescaped: Vec::new(),
            respelt: String::new(),
            restored: Vec::new(),
        }
    }

    /// Reads one line.
    pub fn read<'a>(&'a mut self, line: &'a [u8]) -> Result<Entry<'a>, Unreadable> {
        match self.scan(line) {
            Ok((time, key)) => Ok(self.entry(time, key)),
            Err(Unreadable::NotJson(_)) if std::str::from_utf8(line).is_err() => self.read_other_bytes(line),
            Err(refusal) => Err(refusal),
        }
    }

    fn entry<'a>(&'a self, time: u64, key: Option<Key<'a>>) -> Entry<'a> {
        let key = key.map(|key| match key {
            Key::Borrowed(bytes) => bytes,
            Key::Unescaped => &self.unescaped,
        });
        Entry { time, key: key.map(|key| self.trimmed(key)).and_then(present) }
    }

    /// Reads a line that is no UTF-8: nginx, for one, passes such bytes through. Each wrong byte is spelt as a character
    /// of private use, which JSON lets through, and put back in the key.
    fn read_other_bytes(&mut self, line: &[u8]) -> Result<Entry<'_>, Unreadable> {
        let mut respelt = std::mem::take(&mut self.respelt);
        respelt.clear();
        for chunk in line.utf8_chunks() {
            respelt.push_str(chunk.valid());
            respelt.extend(chunk.invalid().iter().map(|byte| spelling_of(*byte)));
        }
        let (time, key) = self.scan(respelt.as_bytes())?;
        let key = self.entry(time, key).key.map(restored);
        self.respelt = respelt;
        let known = key.is_some();
        self.restored = key.unwrap_or_default();
        Ok(Entry { time, key: known.then_some(self.restored.as_slice()) })
    }

    fn scan<'l>(&mut self, line: &'l [u8]) -> Result<(u64, Option<Key<'l>>), Unreadable> {
        let mut found = Found { time: None, bad_time: false, key: None };
        let mut json = serde_json::Deserializer::from_slice(line);
        let seed = Object {
            place: &self.places,
            search: Search { found: &mut found, clock: &mut self.clock, unescaped: &mut self.unescaped },
        };
        json.deserialize_map(seed).map_err(Unreadable::NotJson)?;
        json.end().map_err(Unreadable::NotJson)?;
        match found.time {
            Some((_, time)) => Ok((time, found.key.map(|(_, key)| key))),
            None if found.bad_time => Err(Unreadable::BadTimeField),
            None => Err(Unreadable::NoTimeField),
        }
    }

    /// A path key may come as a whole request line or URL.
    fn trimmed<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        if !self.is_path {
            return key;
        }
        match key.split(|byte| *byte == b' ').nth(1) {
            Some(target) => path_of(target),
            None => path_of(key),
        }
    }
}

fn spelling_of(byte: u8) -> char {
    char::from_u32(0x0010_FF00 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn restored(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len());
    for character in String::from_utf8_lossy(key).chars() {
        match u32::from(character).checked_sub(0x0010_FF00) {
            Some(byte @ 0x80..=0xff) => bytes.push(byte as u8),
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// What the search through one line carries along.
struct Search<'s, 'l> {
    found: &'s mut Found<'l>,
    clock: &'s mut TimeReader,
    unescaped: &'s mut Vec<u8>,
}

impl<'l> Search<'_, 'l> {
    fn reborrow(&mut self) -> Search<'_, 'l> {
        Search { found: self.found, clock: self.clock, unescaped: self.unescaped }
    }

    fn text(&mut self, place: &Place, text: &str, key: Option<&'l [u8]>) {
        if place.time_rank.is_some() {
            let time = self.clock.text(text.as_bytes());
            self.time(place, time);
        }
        let Some(rank) = self.better_key(place) else {
            return;
        };
        if present(text.as_bytes()).is_none() {
            return;
        }
        let key = key.map(Key::Borrowed).unwrap_or_else(|| {
            self.unescaped.clear();
            self.unescaped.extend_from_slice(text.as_bytes());
            Key::Unescaped
        });
        self.found.key = Some((rank, key));
    }

    fn number(&mut self, place: &Place, time: Option<u64>, number: impl fmt::Display) {
        self.time(place, time);
        if let Some(rank) = self.better_key(place) {
            self.unescaped.clear();
            let _ = std::io::Write::write_fmt(self.unescaped, format_args!("{number}"));
            self.found.key = Some((rank, Key::Unescaped));
        }
    }

    fn time(&mut self, place: &Place, time: Option<u64>) {
        let Some(rank) = place.time_rank else { return };
        match time {
            None => self.found.bad_time = true,
            Some(time) if self.found.time.is_none_or(|(known, _)| rank < known) => {
                self.found.time = Some((rank, time));
            }
            Some(_) => {}
        }
    }

    /// The place's rank, if it beats what was found so far.
    fn better_key(&self, place: &Place) -> Option<usize> {
        let rank = place.key_rank?;
        match self.found.key {
            Some((known, _)) if known <= rank => None,
            _ => Some(rank),
        }
    }
}

/// Looks through an object for the places inside `place`.
struct Object<'s, 'l> {
    place: &'s Place,
    search: Search<'s, 'l>,
}

impl<'l> Visitor<'l> for Object<'_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Name(&self.place.inside))? {
            match place {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(place) => map.next_value_seed(Value { place, search: self.search.reborrow() })?,
            }
        }
        Ok(())
    }
}

/// Reads a field's name and finds the place of that name.
struct Name<'s>(&'s [Place]);

impl<'l, 's> DeserializeSeed<'l> for Name<'s> {
    type Value = Option<&'s Place>;

    fn deserialize<D: Deserializer<'l>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'s> Visitor<'_> for Name<'s> {
    type Value = Option<&'s Place>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|place| place.name == name))
    }
}

/// Reads the value at a place: a time, a key, or an object to look into.
struct Value<'s, 'l> {
    place: &'s Place,
    search: Search<'s, 'l>,
}

impl<'l> DeserializeSeed<'l> for Value<'_, 'l> {
    type Value = ();

    fn deserialize<D: Deserializer<'l>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'l> Visitor<'l> for Value<'_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(mut self, text: &'l str) -> Result<(), E> {
        self.search.text(self.place, text, Some(text.as_bytes()));
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.search.text(self.place, text, None);
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        self.search.number(self.place, unix_integer(number), number);
        Ok(())
    }

    fn visit_i64<E>(mut self, number: i64) -> Result<(), E> {
        // serde_json gives an i64 for negative numbers only: no time of ours.
        self.search.number(self.place, None, number);
        Ok(())
    }

    fn visit_f64<E>(mut self, number: f64) -> Result<(), E> {
        self.search.number(self.place, unix_fraction(number), number);
        Ok(())
    }

    fn visit_bool<E>(mut self, truth: bool) -> Result<(), E> {
        self.search.number(self.place, None, truth);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'l>>(self, mut sequence: A) -> Result<(), A::Error> {
        // Caddy writes header values as arrays: the first element speaks for them all.
        if let Some(()) = sequence.next_element_seed(self)? {
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'l>>(self, map: A) -> Result<(), A::Error> {
        Object { place: self.place, search: self.search }.visit_map(map)
    }
}

#[cfg(test)]
#[path = "json_lines_tests.rs"]
mod tests;
