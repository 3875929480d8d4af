//! A JSON document of which every part knows its place, so that an error can name it.

use std::borrow::Cow;
use std::fmt;

use clap::ValueEnum;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON document and the name it goes by.
#[derive(Debug)]
pub struct Document<'a> {
    name: &'a str,
    text: &'a str,
}

/// A value in a document.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    document: &'a Document<'a>,
    /// The way to it, such as `routes[2].path`; that of the whole document is empty.
    way: String,
    /// The value as it stands in the document's text.
    raw: &'a str,
}

/// A value under a name.
#[derive(Debug)]
pub struct Member<'a> {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Node<'a>,
    /// Where the name stands, for errors about it.
    place: Node<'a>,
}

/// What is wrong with a document, and where: one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> Document<'a> {
    /// A document with this text; errors call it by `name`.
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text }
    }

    /// All of it, if it is JSON.
    pub fn root(&'a self) -> Result<Node<'a>, Wrong> {
        // Reading it as a value first tells best what is wrong.
        let read =
            serde_json::from_str::<serde_json::Value>(self.text).and_then(|_| serde_json::from_str(self.text));
        let value: &RawValue = read.map_err(|error| self.no_json(&error))?;
        Ok(Node { document: self, way: String::new(), raw: value.get() })
    }

    fn no_json(&self, error: &serde_json::Error) -> Wrong {
        let told = error.to_string();
        let what = told.split(" at line ").next().unwrap_or(&told);
        Wrong(format!("{}:{}:{}: this is no JSON: {what}", self.name, error.line(), error.column()))
    }

    /// Line and column, both from 1 and the latter in characters, of a part of the text.
    fn place(&self, part: &str) -> (usize, usize) {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..offset).unwrap_or_default();
        let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_begins..].chars().count() + 1)
    }
}

impl<'a> Node<'a> {
    /// An error about this value.
    pub fn wrong(&self, problem: impl fmt::Display) -> Wrong {
        let (line, column) = self.document.place(self.raw);
        let colon = if self.way.is_empty() { "" } else { ": " };
        Wrong(format!("{}:{line}:{column}: {}{colon}{problem}", self.document.name, self.way))
    }

    /// A string.
    pub fn text(&self) -> Result<Cow<'a, str>, Wrong> {
        self.read::<Text<'a>>("a string").map(|text| text.0)
    }

    /// What `parse` makes of a string.
    pub fn parsed<T, E: fmt::Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Wrong> {
        parse(&self.text()?).map_err(|problem| self.wrong(problem))
    }

    /// One of the names of a choice.
    pub fn chosen<T: ValueEnum>(&self) -> Result<T, Wrong> {
        self.parsed(|text| {
            T::from_str(text, false).map_err(|_| {
                let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                let names: Vec<String> = values.map(|value| format!("{:?}", value.get_name())).collect();
                format!("expected {}, not {text:?}", alternatives(&names))
            })
        })
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, least: u64, most: u64) -> Result<u64, Wrong> {
        let range = format!("a whole number from {least} to {most}");
        let number: u64 = self.read(&range)?;
        if (least..=most).contains(&number) { Ok(number) } else { Err(self.expected(&range)) }
    }

    /// True or false.
    pub fn flag(&self) -> Result<bool, Wrong> {
        self.read("true or false")
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.raw.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    }

    /// Whether it is a string.
    pub fn is_text(&self) -> bool {
        self.raw.starts_with('"')
    }

    /// The values of an array.
    pub fn list(&self) -> Result<Vec<Node<'a>>, Wrong> {
        let values: Vec<&'a RawValue> = self.read("an array")?;
        let nodes =
            values.into_iter().enumerate().map(|(n, value)| self.at(format!("{}[{n}]", self.way), value.get()));
        Ok(nodes.collect())
    }

    /// The members of an object, in order, whatever their names are; none comes twice.
    pub fn members(&self) -> Result<Vec<Member<'a>>, Wrong> {
        let pairs: Pairs<'a> = self.read("an object")?;
        let mut members: Vec<Member<'a>> = Vec::with_capacity(pairs.0.len());
        for (name, value) in pairs.0 {
            let place = match &name {
                // The name begins with the quotation mark before it.
                Cow::Borrowed(name) => self.at(self.way.clone(), self.with_quote(name)),
                Cow::Owned(_) => self.at(self.way.clone(), value.get()),
            };
            if members.iter().any(|known| known.name == name) {
                return Err(place.wrong(format_args!("{name:?} is there twice; leave one of them out")));
            }
            let value = self.at(self.way_to(&name), value.get());
            members.push(Member { name: name.into_owned(), value, place });
        }
        Ok(members)
    }

    fn expected(&self, what: &str) -> Wrong {
        let given: String = self.raw.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let more = if given.len() < self.raw.len() { "…" } else { "" };
        self.wrong(format_args!("expected {what}, not {given}{more}"))
    }

    fn read<T: Deserialize<'a>>(&self, what: &str) -> Result<T, Wrong> {
        serde_json::from_str(self.raw).map_err(|_| self.expected(what))
    }

    fn at(&self, way: String, raw: &'a str) -> Self {
        Self { document: self.document, way, raw }
    }

    fn way_to(&self, name: &str) -> String {
        let is_plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        match (is_plain, self.way.is_empty()) {
            (true, true) => name.to_owned(),
            (true, false) => format!("{}.{name}", self.way),
            (false, _) => format!("{}[{name:?}]", self.way),
        }
    }

    fn with_quote(&self, name: &'a str) -> &'a str {
        let start = name.as_ptr() as usize - self.document.text.as_ptr() as usize;
        self.document.text.get(start.saturating_sub(1)..).unwrap_or(name)
    }
}

impl Member<'_> {
    /// An error about the name, which is none of those known here.
    pub fn unknown(&self, known: &[&str]) -> Wrong {
        let known: Vec<String> = known.iter().map(|name| format!("{name:?}")).collect();
        self.place.wrong(format_args!("{:?} is not known here; expected {}", self.name, alternatives(&known)))
    }

    /// Another error about the name.
    pub fn wrong(&self, problem: impl fmt::Display) -> Wrong {
        self.place.wrong(problem)
    }
}

/// `"a", "b" or "c"`.
fn alternatives(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

/// A string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// The members of an object, as they stand there.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T>(text: &str, read: impl FnOnce(Node<'_>) -> Result<T, Wrong>) -> String {
        let document = Document::new("f.json", text);
        document.root().and_then(read).err().expect("an error").to_string()
    }

    fn at<'a>(node: &Node<'a>, name: &str) -> Node<'a> {
        node.members().unwrap().into_iter().find(|member| member.name == name).unwrap().value
    }

    #[test]
    fn errors_name_the_way_the_line_and_the_column() {
        let text = "{\n  \"é\": {\"a b\": [1,\n    true]}\n}";
        let wrong = told(text, |root| at(&at(&root, "é"), "a b").list()?[1].number(0, 9));
        assert_eq!(wrong, "f.json:3:5: [\"é\"][\"a b\"][1]: expected a whole number from 0 to 9, not true");
        let wrong = told("{\"é\": 1, \"b\": [1]}", |root| at(&root, "b").flag());
        assert_eq!(wrong, "f.json:1:15: b: expected true or false, not [1]");
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        assert_eq!(told("{\n \"a\": 1,\n}", |root| root.flag()), "f.json:3:1: this is no JSON: trailing comma");
        assert!(told("", |root| root.flag()).starts_with("f.json:1:0: this is no JSON: EOF"));
        assert!(told("{} x", |root| root.flag()).contains("this is no JSON: trailing characters"));
        assert!(told(&"[".repeat(1000), |root| root.flag()).contains("recursion limit"));
    }

    #[test]
    fn names_twice_or_unknown_are_told_where_they_stand() {
        let wrong = told("{\"a\": 1,\n \"a\": 2}", |root| root.members().map(|_| ()));
        assert_eq!(wrong, "f.json:2:2: \"a\" is there twice; leave one of them out");
        let wrong = told("{\"x\": {\"polcy\": 1}}", |root| -> Result<(), Wrong> {
            Err(at(&root, "x").members()?[0].unknown(&["policy", "key", "cost"]))
        });
        assert_eq!(wrong, "f.json:1:8: x: \"polcy\" is not known here; expected \"policy\", \"key\" or \"cost\"");
        assert!(told("{\"a\": 1, \"\\u0061\": 2}", |root| root.members().map(|_| ())).contains("is there twice"));
    }

    #[test]
    fn numbers_are_whole_and_in_their_range() {
        for text in ["1.5", "-1", "11", "1e1", "\"1\"", "99999999999999999999", "null"] {
            let wrong = told(text, |root| root.number(1, 10));
            assert!(wrong.starts_with("f.json:1:1: expected a whole number from 1 to 10, not "), "{wrong}");
        }
    }
}
