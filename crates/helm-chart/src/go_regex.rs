//! Regular expressions as Go's package regexp reads them (RE2 syntax), for the crate `regex`.
//!
//! The syntax of both crates is nearly the same. What differs is translated: `\Q…\E`, braces that are no repetition, octal
//! escapes, classes without set operations, and `\d`, `\s`, `\w` and `\b`, which are ASCII in Go. What only one of them
//! accepts is refused.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// Maximum count of a repetition, as in Go.
const MAX_COUNT: u32 = 1000;

/// Compiles a pattern.
///
/// # Errors
/// A message without the pattern.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    Regex::new(&translated).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line has the reason; the lines before it show the translated pattern.
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            reason.trim_start_matches("error: ").to_owned()
        }
    })
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'Q') => {
                chars.next();
                quoted(&mut chars, &mut out);
            }
            '\\' => escape(&mut chars, &mut out)?,
            '[' => class(&mut chars, &mut out)?,
            '(' => group(&mut chars, &mut out)?,
            '*' | '+' | '?' => {
                out.push(c);
                end_repetition(&mut chars, &mut out)?;
            }
            '{' => match repetition(&chars) {
                Some((counts, rest)) => {
                    check_counts(&counts)?;
                    _ = write!(out, "{{{counts}}}");
                    chars = rest;
                    end_repetition(&mut chars, &mut out)?;
                }
                None => literal(&mut out, c),
            },
            '.' | '^' | '$' | '|' | ')' => out.push(c),
            c => literal(&mut out, c),
        }
    }
    Ok(out)
}

fn literal(out: &mut String, c: char) {
    match c.is_ascii() && !c.is_ascii_alphanumeric() {
        true => _ = write!(out, "\\x{{{:x}}}", u32::from(c)),
        false => out.push(c),
    }
}

/// Everything up to `\E`, or to the end.
fn quoted(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            return;
        }
        literal(out, c);
    }
}

/// Returns the counts of a repetition (`2`, `2,`, `2,5`), whose opening brace is read, and what follows it.
fn repetition<'p>(chars: &Peekable<Chars<'p>>) -> Option<(String, Peekable<Chars<'p>>)> {
    let mut rest = chars.clone();
    let mut counts = String::new();
    loop {
        match rest.next()? {
            '}' => break,
            c if c.is_ascii_digit() || (c == ',' && !counts.contains(',')) => counts.push(c),
            _ => return None,
        }
    }
    counts
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some((counts, rest))
}

fn check_counts(counts: &str) -> Result<(), String> {
    for count in counts.split(',').filter(|count| !count.is_empty()) {
        if count.parse::<u32>().map_or(true, |count| count > MAX_COUNT) {
            return Err(format!("invalid repeat count: {{{counts}}}"));
        }
    }
    Ok(())
}

/// What follows a repetition: `?` makes it lazy; a second repetition is an error.
fn end_repetition(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.extend(chars.next_if_eq(&'?'));
    let is_repeated = match chars.peek() {
        Some('*' | '+' | '?') => true,
        Some('{') => {
            let mut rest = chars.clone();
            rest.next();
            repetition(&rest).is_some()
        }
        _ => false,
    };
    match is_repeated {
        true => Err("invalid nested repetition operator".to_owned()),
        false => Ok(()),
    }
}

/// What follows `(`: flags and names, which are those of both.
fn group(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('(');
    if chars.next_if_eq(&'?').is_none() {
        return Ok(());
    }
    out.push('?');
    let mut is_name = false;
    if chars.next_if_eq(&'P').is_some() {
        out.push('P');
        is_name = true;
    }
    if chars.peek() == Some(&'<') {
        for c in chars.by_ref() {
            out.push(c);
            if c == '>' {
                return Ok(());
            }
            if c != '<' && c != '_' && !c.is_ascii_alphanumeric() {
                return Err("invalid named capture".to_owned());
            }
        }
        return Err("invalid named capture".to_owned());
    }
    if is_name {
        return Err("invalid or unsupported Perl syntax".to_owned());
    }
    for c in chars.by_ref() {
        out.push(c);
        match c {
            ':' | ')' => return Ok(()),
            'i' | 'm' | 's' | 'U' | '-' => {}
            _ => return Err("invalid or unsupported Perl syntax".to_owned()),
        }
    }
    Err("missing closing )".to_owned())
}

/// One character, or a set of characters.
enum Escaped {
    Char(char),
    /// The content of a class.
    Set(String),
}

/// Reads what follows a backslash, outside and inside of classes.
fn escaped(chars: &mut Peekable<Chars<'_>>) -> Result<Escaped, String> {
    let c = chars
        .next()
        .ok_or("trailing backslash at end of expression")?;
    let set = |content: &str| Ok(Escaped::Set(content.to_owned()));
    let code = match c {
        'd' => return set("0-9"),
        'D' => return set("[^0-9]"),
        's' => return set(r"\t\n\f\r\x20"),
        'S' => return set(r"[^\t\n\f\r\x20]"),
        'w' => return set("0-9A-Za-z_"),
        'W' => return set("[^0-9A-Za-z_]"),
        'p' | 'P' => return property(c, chars),
        'a' => 7,
        'f' => 12,
        't' => 9,
        'n' => 10,
        'r' => 13,
        'v' => 11,
        'x' => hexadecimal(chars)?,
        '0' => octal(0, chars),
        '1'..='7' if chars.peek().is_some_and(|next| ('0'..='7').contains(next)) => {
            octal(c.to_digit(8).unwrap_or(0), chars)
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
        c => return Err(format!("invalid escape sequence: `\\{c}`")),
    };
    let c = char::from_u32(code).ok_or("invalid escape sequence")?;
    Ok(Escaped::Char(c))
}

fn octal(first: u32, chars: &mut Peekable<Chars<'_>>) -> u32 {
    let mut code = first;
    for _ in 0..2 {
        match chars.peek().and_then(|c| c.to_digit(8)) {
            Some(digit) => code = code * 8 + digit,
            None => break,
        }
        chars.next();
    }
    code
}

fn hexadecimal(chars: &mut Peekable<Chars<'_>>) -> Result<u32, String> {
    let wrong = || "invalid escape sequence: `\\x`".to_owned();
    let digits: String = match chars.next_if_eq(&'{') {
        Some(_) => {
            let mut digits = String::new();
            loop {
                match chars.next().ok_or_else(wrong)? {
                    '}' => break digits,
                    c => digits.push(c),
                }
            }
        }
        None => chars.by_ref().take(2).collect(),
    };
    let is_valid = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| is_valid);
    code.ok_or_else(wrong)
}

/// A category or script: `\pL`, `\p{Greek}`, `\P{Lu}`, `\p{^Lu}`.
fn property(c: char, chars: &mut Peekable<Chars<'_>>) -> Result<Escaped, String> {
    let wrong = || "invalid character class range".to_owned();
    let mut is_negated = c == 'P';
    let name: String = match chars.next().ok_or_else(wrong)? {
        '{' => {
            let mut name = String::new();
            loop {
                match chars.next().ok_or_else(wrong)? {
                    '}' => break name,
                    c => name.push(c),
                }
            }
        }
        letter => letter.to_string(),
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            is_negated = !is_negated;
            name
        }
        None => &name,
    };
    let is_name = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(is_name) {
        return Err(wrong());
    }
    let letter = if is_negated { 'P' } else { 'p' };
    Ok(Escaped::Set(format!("\\{letter}{{{name}}}")))
}

/// What follows a backslash outside of a class.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    if let Some(c) = chars.next_if(|c| matches!(c, 'A' | 'z')) {
        out.extend(['\\', c]);
        return Ok(());
    }
    if let Some(c) = chars.next_if(|c| matches!(c, 'b' | 'B')) {
        _ = write!(out, "(?-u:\\{c})");
        return Ok(());
    }
    match escaped(chars)? {
        Escaped::Char(c) => literal(out, c),
        Escaped::Set(set) => _ = write!(out, "[{set}]"),
    }
    Ok(())
}

/// What follows `[`.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    const MISSING: &str = "missing closing ]";
    out.push('[');
    out.extend(chars.next_if_eq(&'^'));
    let mut is_first = true;
    loop {
        let c = chars.next().ok_or(MISSING)?;
        let low = match c {
            ']' if !is_first => break,
            '[' if chars.peek() == Some(&':') => {
                if let Some((name, rest)) = posix(chars)? {
                    out.push_str(&name);
                    *chars = rest;
                    is_first = false;
                    continue;
                }
                c
            }
            '\\' => match escaped(chars)? {
                Escaped::Char(c) => c,
                Escaped::Set(set) => {
                    out.push_str(&set);
                    is_first = false;
                    continue;
                }
            },
            c => c,
        };
        is_first = false;
        literal(out, low);
        // A hyphen before the closing bracket stands for itself.
        let mut rest = chars.clone();
        if rest.next() != Some('-') || rest.peek().is_none_or(|c| *c == ']') {
            continue;
        }
        *chars = rest;
        let high = match chars.next().ok_or(MISSING)? {
            '\\' => match escaped(chars)? {
                Escaped::Char(c) => c,
                Escaped::Set(_) => return Err("invalid character class range".to_owned()),
            },
            c => c,
        };
        out.push('-');
        literal(out, high);
    }
    out.push(']');
    Ok(())
}

/// Returns a class such as `[:alpha:]`, whose opening bracket is read, and what follows it.
///
/// # Errors
/// The class is unknown.
#[allow(clippy::type_complexity)]
fn posix<'p>(chars: &Peekable<Chars<'p>>) -> Result<Option<(String, Peekable<Chars<'p>>)>, String> {
    let mut rest = chars.clone();
    let mut class = String::from("[");
    loop {
        let Some(c) = rest.next() else {
            return Ok(None);
        };
        class.push(c);
        match c {
            ']' if class.ends_with(":]") => break,
            ':' | '^' => {}
            c if c.is_ascii_alphanumeric() => {}
            _ => return Ok(None),
        }
    }
    let name = class.trim_start_matches("[:").trim_end_matches(":]");
    match POSIX_CLASSES.contains(&name.trim_start_matches('^')) {
        true => Ok(Some((class, rest))),
        false => Err(format!("invalid character class range: `{class}`")),
    }
}

const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        // A pattern, a text, and the first match.
        let table = [
            (r"\pL+", "1éa2", Some("éa")),
            (r"\p{Greek}+\P{^Lu}", "xαβΓ", Some("αβΓ")),
            (r"\Qa.b*\E+", "a.b**", Some("a.b**")),
            (r"\Q[", "a[", Some("[")),
            ("{", "a{", Some("{")),
            ("a{,2}", "a{,2}", Some("a{,2}")),
            ("a{2}", "aaa", Some("aa")),
            ("a{1,}?", "aaa", Some("a")),
            ("(?i)É", "é", Some("é")),
            (r"\d+\s\w+", "٣3 é_", None),
            (r"\d\s\w", "3\u{a0}é", None),
            (r"é\b", "é", None),
            (r"\Ba", "xa", Some("a")),
            (r"[a&&b]+", "&b", Some("&b")),
            (r"[[a]+", "[a", Some("[a")),
            (r"[]a]+", "]a", Some("]a")),
            (r"[^]a]+", "]ab", Some("b")),
            (r"[a-]+", "-a", Some("-a")),
            (r"[\d\-x]+", "-1x", Some("-1x")),
            (r"[\D]+", "1ab", Some("ab")),
            (r"[[:alpha:][:^ascii:]]+", "1aé", Some("aé")),
            (r"[[:nope]+", ":nope", Some(":nope")),
            (r"\x41\x{e9}\101\0", "AéA\0", Some("AéA\0")),
            (r"\<\_\-", "<_-", Some("<_-")),
            (r"#~-&\ ", "#~-& ", Some("#~-& ")),
            (r"(?P<x>a)(?<y>b)", "ab", Some("ab")),
            (r"(?sU)a.+", "a\nb", Some("a\n")),
            (r"a$", "a\n", None),
            (r"(?m)a$", "a\n", Some("a")),
            (r"\Aa\z", "a", Some("a")),
        ];
        for (pattern, text, want) in table {
            let found =
                compile(pattern).map(|regex| regex.find(text).map(|m| m.as_str().to_owned()));
            assert_eq!(found, Ok(want.map(str::to_owned)), "{pattern} on {text:?}");
        }
        for pattern in [
            "(",
            ")",
            "[a",
            "a**",
            "a+*",
            "a{2}{3}",
            "*",
            "a{1001}",
            "a{2,1}",
            r"\1",
            r"\8",
            r"\C",
            r"\E",
            r"\é",
            "(?=a)",
            "(?x)a",
            "(?P=a)",
            "(?<a-b>x)",
            r"[b-a]",
            r"[a-\d]",
            r"\p{Nope}",
            r"\p",
            r"\xg",
            r"\x{110000}",
            "[[:nope:]]",
            "\\",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
