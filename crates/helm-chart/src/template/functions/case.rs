//! Functions that change the case of letters and the style of names.

use super::super::value::Value;
use super::{Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("upper", 1, 1, |_, a| text(upper(a.text(0)?))),
    ("lower", 1, 1, |_, a| text(lower(a.text(0)?))),
    ("title", 1, 1, |_, a| text(title(a.text(0)?))),
    ("untitle", 1, 1, |_, a| text(untitle(a.text(0)?))),
    ("swapcase", 1, 1, |_, a| text(swapcase(a.text(0)?))),
    ("snakecase", 1, 1, |_, a| text(joined(a.text(0)?, '_'))),
    ("kebabcase", 1, 1, |_, a| text(joined(a.text(0)?, '-'))),
    ("camelcase", 1, 1, |_, a| text(pascal_case(a.text(0)?))),
];

#[allow(clippy::unnecessary_wraps)]
fn text(text: String) -> Outcome {
    Ok(Value::from(text))
}

/// Go maps a letter to one letter, so that `ß` stays as it is.
fn upper_char(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn lower_char(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn upper(s: &str) -> String {
    s.chars().map(upper_char).collect()
}

fn lower(s: &str) -> String {
    s.chars().map(lower_char).collect()
}

/// Letters that are two, whose first one alone is a capital at the start of a word: `Dž`.
fn title_char(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        c => upper_char(c),
    }
}

fn is_title(c: char) -> bool {
    matches!(c, '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}')
}

/// Each letter that follows a separator becomes a capital (Go's `strings.Title`).
fn title(s: &str) -> String {
    let mut start = true;
    let letter = |c: char| {
        let upper = start;
        start = match c {
            '0'..='9' | 'a'..='z' | 'A'..='Z' | '_' => false,
            c if c.is_ascii() => true,
            c => !c.is_alphanumeric() && c.is_whitespace(),
        };
        if upper { title_char(c) } else { c }
    };
    s.chars().map(letter).collect()
}

fn untitle(s: &str) -> String {
    let mut start = true;
    let letter = |c: char| {
        let first = std::mem::replace(&mut start, c.is_whitespace());
        if first { lower_char(c) } else { c }
    };
    s.chars().map(letter).collect()
}

fn swapcase(s: &str) -> String {
    let swapped = |c: char| match c.is_uppercase() || is_title(c) {
        true => lower_char(c),
        false => upper_char(c),
    };
    s.chars().map(swapped).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `-`, `_` and blanks.
    Connector,
    Punctuation,
    /// Begins with a capital.
    Capital,
    Small,
    Number,
    Other,
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_') || c.is_whitespace()
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

fn kind(c: char) -> Kind {
    match c {
        c if is_connector(c) => Kind::Connector,
        c if is_punctuation(c) => Kind::Punctuation,
        c if c.is_uppercase() => Kind::Capital,
        // Scripts of East Asia have no case and do not make words of letters here.
        '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'.. => Kind::Other,
        c if c.is_alphabetic() => Kind::Small,
        c if c.is_numeric() => Kind::Number,
        _ => Kind::Other,
    }
}

/// Splits a name into runs of one kind; a capital belongs to the lower-case letters after it.
fn pieces(s: &str) -> Vec<(Kind, String)> {
    let mut pieces: Vec<(Kind, String)> = Vec::new();
    let chars: Vec<(Kind, char)> = s.chars().map(|c| (kind(c), c)).collect();
    // Whether the last piece is a run of capitals, which ends before "Xx".
    let mut capitals = false;
    for (i, &(kind, c)) in chars.iter().enumerate() {
        let next = chars.get(i + 1).map(|(kind, _)| *kind);
        let joins = match (pieces.last(), kind) {
            (Some((Kind::Capital, word)), Kind::Capital) => {
                (capitals || word.chars().count() == 1) && next != Some(Kind::Small)
            }
            (Some((Kind::Capital, word)), Kind::Small) => !capitals || word.chars().count() == 1,
            (Some((last, _)), kind) => *last == kind,
            (None, _) => false,
        };
        match pieces.last_mut() {
            Some((_, word)) if joins => {
                capitals = kind == Kind::Capital;
                word.push(c);
            }
            _ => {
                capitals = false;
                pieces.push((kind, c.to_string()));
            }
        }
    }
    pieces
}

/// Joins the words of a name in lower case with a connector.
///
/// A number belongs to the word before it (`Bld4Floor`: `bld4_floor`), or to the small letters
/// that follow it (`HTTP2xx`: `http_2xx`).
fn joined(s: &str, connector: char) -> String {
    let pieces = pieces(s);
    let mut out = String::with_capacity(s.len() + 8);
    let emit = |out: &mut String, (kind, word): &(Kind, String)| match kind {
        Kind::Connector => out.extend(word.chars().map(|_| connector)),
        Kind::Capital => out.push_str(&lower(word)),
        _ => out.push_str(word),
    };
    let separate = |out: &mut String, at: usize| match pieces.get(at) {
        None | Some((Kind::Connector | Kind::Punctuation, _)) => {}
        Some(_) => out.push(connector),
    };
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        emit(&mut out, piece);
        at += 1;
        let number_follows = pieces.get(at).filter(|(kind, _)| *kind == Kind::Number);
        match (piece.0, number_follows) {
            (Kind::Connector | Kind::Punctuation, _) => {}
            (Kind::Number, _) => {
                at = attached(&pieces, at, |piece| emit(&mut out, piece));
                separate(&mut out, at);
            }
            (_, None) => separate(&mut out, at),
            (_, Some(number)) => match pieces.get(at + 1) {
                None => {}
                Some((Kind::Small, _)) => {
                    out.push(connector);
                    emit(&mut out, number);
                    at = attached(&pieces, at + 1, |piece| emit(&mut out, piece));
                    separate(&mut out, at);
                }
                Some(_) => {
                    emit(&mut out, number);
                    at += 1;
                    separate(&mut out, at);
                }
            },
        }
    }
    out
}

/// Passes the lower-case letters and numbers from `at` on to `emit`. Returns where they end.
fn attached(
    pieces: &[(Kind, String)],
    mut at: usize,
    mut emit: impl FnMut(&(Kind, String)),
) -> usize {
    while let Some(piece @ (Kind::Small | Kind::Number, _)) = pieces.get(at) {
        emit(piece);
        at += 1;
    }
    at
}

/// Converts `http_server` to `HttpServer`. Connectors at either end are kept; of several in a row one is removed.
fn pascal_case(s: &str) -> String {
    let inner = s.trim_matches(is_connector);
    let Some((before, after)) = s.split_once(inner).filter(|_| !inner.is_empty()) else {
        return s.to_owned();
    };
    let mut out = String::from(before);
    let mut chars = inner.chars().peekable();
    let (mut start, mut lowering) = (true, false);
    while let Some(c) = chars.next() {
        if is_connector(c) {
            if chars.peek().is_some_and(|next| is_connector(*next)) {
                out.push(c);
            }
            start = true;
        } else if start {
            lowering = c.is_uppercase();
            start = false;
            out.push(upper_char(c));
        } else {
            lowering &= c.is_uppercase();
            out.push(if lowering { lower_char(c) } else { c });
        }
    }
    out.push_str(after);
    out
}
