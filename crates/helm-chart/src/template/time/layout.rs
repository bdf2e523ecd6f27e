//! The elements of a layout of Go: the parts of the reference time Mon Jan 2 15:04:05 MST 2006.

/// One element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`
    Day,
    /// `_2`
    UnderDay,
    /// `02`
    ZeroDay,
    /// `__2`
    UnderYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`
    UpperPm,
    /// `pm`
    LowerPm,
    /// `MST`
    ZoneName,
    /// `-0700`, `Z07:00` and their relatives.
    Offset(OffsetForm),
    /// `.000`: the number of digits.
    Fraction { digits: usize, comma: bool },
    /// `.999`: the maximum number of digits.
    ShortFraction { digits: usize, comma: bool },
}

/// The form of an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetForm {
    /// Whether UTC is written as `Z`.
    pub z: bool,
    /// Whether colons separate the parts.
    pub colons: bool,
    /// Hours only, with minutes, or with seconds.
    pub parts: usize,
}

/// The offsets by their text after `-` or `Z`, the longer ones first.
const OFFSETS: [(&str, bool, usize); 5] = [
    ("070000", false, 3),
    ("07:00:00", true, 3),
    ("0700", false, 2),
    ("07:00", true, 2),
    ("07", false, 1),
];

/// Elements that begin with a letter, the longer ones first. The third part says whether no small letter may follow.
const WORDS: [(&str, Element, bool); 7] = [
    ("January", Element::LongMonth, false),
    ("Jan", Element::Month, true),
    ("Monday", Element::LongWeekday, false),
    ("Mon", Element::Weekday, true),
    ("MST", Element::ZoneName, false),
    ("PM", Element::UpperPm, false),
    ("pm", Element::LowerPm, false),
];

/// Numbers, the longer ones first.
const NUMBERS: [(&str, Element); 16] = [
    ("01", Element::ZeroMonth),
    ("002", Element::ZeroYearDay),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::UnderYearDay),
    ("_2", Element::UnderDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
];

/// Splits a layout before and after its first element. Without an element, everything is the first part.
pub fn next(layout: &str) -> (&str, Option<Element>, &str) {
    for (at, _) in layout.char_indices() {
        let (before, rest) = layout.split_at(at);
        // `_2006` is an underscore and the year.
        if rest.starts_with("_2006") {
            continue;
        }
        if let Some((element, length)) = element(rest) {
            return (
                before,
                Some(element),
                rest.get(length..).unwrap_or_default(),
            );
        }
    }
    (layout, None, "")
}

/// Returns the element at the start of a text, and its length.
fn element(text: &str) -> Option<(Element, usize)> {
    let small_follows = |length: usize| {
        text.as_bytes()
            .get(length)
            .is_some_and(u8::is_ascii_lowercase)
    };
    for (word, element, alone) in WORDS {
        if text.starts_with(word) && !(alone && small_follows(word.len())) {
            return Some((element, word.len()));
        }
    }
    for (number, element) in NUMBERS {
        if text.starts_with(number) {
            return Some((element, number.len()));
        }
    }
    if let Some(offset) = text.strip_prefix(['-', 'Z']) {
        let z = text.starts_with('Z');
        let found = OFFSETS.iter().find(|(form, ..)| offset.starts_with(form));
        return found.map(|&(form, colons, parts)| {
            (
                Element::Offset(OffsetForm { z, colons, parts }),
                1 + form.len(),
            )
        });
    }
    let fraction = text.strip_prefix(['.', ','])?;
    let digit = fraction.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let after = fraction.trim_start_matches(digit);
    if after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, comma) = (fraction.len() - after.len(), text.starts_with(','));
    let element = match digit {
        '0' => Element::Fraction { digits, comma },
        _ => Element::ShortFraction { digits, comma },
    };
    Some((element, 1 + digits))
}
