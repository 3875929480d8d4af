//! The IETF draft's `RateLimit` field: the list of revisions 08 to 11 and of the next, and the dictionary of revision 07.

use crate::fields::parameter::{
    AVAILABLE, DICTIONARY_REMAINING, DICTIONARY_RESET, EFFECTIVE_WINDOW, NEXT_AVAILABLE, NEXT_EFFECTIVE_WINDOW,
};
use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ListVisitor, ParameterVisitor,
};
use sfv::{BareItemFromInput, KeyRef, Parser};
use std::convert::Infallible;
use std::time::Duration;

/// How long the exhausted policies of a field say to wait, the longest of them; `None` where no policy is exhausted, or says
/// how long, or where the field is malformed, which makes all of it nothing.
pub(super) fn parse(field: &[u8]) -> Option<Duration> {
    let wait = match Parser::new(field).parse_list_with_visitor(List::default()) {
        Ok(list) if list.longest.is_some() => list.longest,
        // A dictionary of one key (`reset=5`) is no list, and one of many is a list of tokens only by mistake.
        _ => {
            Parser::new(field).parse_dictionary_with_visitor(Dictionary::default()).ok().and_then(Dictionary::wait)
        }
    };
    wait.map(Duration::from_secs)
}

/// What a parameter says: nothing, or a number that may not be one that counts.
#[derive(Debug, Clone, Copy, Default)]
enum Said {
    #[default]
    Nothing,
    Number(u64),
    Nonsense,
}

impl Said {
    fn of(value: &BareItemFromInput<'_>) -> Self {
        match value {
            BareItemFromInput::Integer(number) => {
                u64::try_from(i64::from(*number)).map_or(Self::Nonsense, Self::Number)
            }
            _ => Self::Nonsense,
        }
    }

    /// This, or what the same thing's other name says.
    fn or(self, other: Self) -> Self {
        match self {
            Self::Nothing => other,
            _ => self,
        }
    }
}

/// The wait of a policy with so much left.
fn wait(left: Said, seconds: Said) -> Option<u64> {
    match (left, seconds) {
        (Said::Number(0), Said::Number(seconds)) => Some(seconds),
        _ => None,
    }
}

#[derive(Default)]
struct List {
    longest: Option<u64>,
}

impl<'de> ListVisitor<'de> for List {
    type Out = Self;
    type Error = Infallible;

    fn entry(&mut self) -> Result<impl EntryVisitor<'de>, Infallible> {
        Ok(Policy { longest: &mut self.longest, parameters: Parameters::default() })
    }

    fn finish(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

/// One item of the list: a policy's name and its parameters.
struct Policy<'a> {
    longest: &'a mut Option<u64>,
    parameters: Parameters,
}

#[derive(Default)]
struct Parameters {
    available: Said,
    next_available: Said,
    window: Said,
    next_window: Said,
}

impl<'de> EntryVisitor<'de> for Policy<'_> {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'de>, Infallible> {
        Ok(|name: BareItemFromInput<'de>| {
            // A draft may yet make names tokens. Anything else is no policy.
            let is_name = matches!(name, BareItemFromInput::String(_) | BareItemFromInput::Token(_));
            Ok::<_, Infallible>(is_name.then_some(self))
        })
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Infallible> {
        Ok(Ignored)
    }
}

impl<'de> ParameterVisitor<'de> for Policy<'_> {
    type Out = ();
    type Error = Infallible;

    fn parameter(&mut self, key: &'de KeyRef, value: BareItemFromInput<'de>) -> Result<(), Infallible> {
        let Parameters { available, next_available, window, next_window } = &mut self.parameters;
        let place = match key.as_str() {
            AVAILABLE => available,
            NEXT_AVAILABLE => next_available,
            EFFECTIVE_WINDOW => window,
            NEXT_EFFECTIVE_WINDOW => next_window,
            _ => return Ok(()),
        };
        // The last of several with one name counts, as RFC 9651 has it.
        *place = Said::of(&value);
        Ok(())
    }

    fn finish(self) -> Result<(), Infallible> {
        let Parameters { available, next_available, window, next_window } = self.parameters;
        *self.longest = (*self.longest).max(wait(available.or(next_available), window.or(next_window)));
        Ok(())
    }
}

#[derive(Default)]
struct Dictionary {
    remaining: Said,
    reset: Said,
}

impl Dictionary {
    fn wait(self) -> Option<u64> {
        wait(self.remaining, self.reset)
    }
}

impl<'de> DictionaryVisitor<'de> for Dictionary {
    type Out = Self;
    type Error = Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Infallible> {
        Ok(match key.as_str() {
            DICTIONARY_REMAINING => Some(Number(&mut self.remaining)),
            DICTIONARY_RESET => Some(Number(&mut self.reset)),
            _ => None,
        })
    }

    fn finish(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

struct Number<'a>(&'a mut Said);

impl<'de> EntryVisitor<'de> for Number<'_> {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'de>, Infallible> {
        Ok(|value: BareItemFromInput<'de>| {
            *self.0 = Said::of(&value);
            Ok::<_, Infallible>(Ignored)
        })
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Infallible> {
        *self.0 = Said::Nonsense;
        Ok(Ignored)
    }
}
