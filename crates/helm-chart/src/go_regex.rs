//! Regular expressions of Go (RE2) in the syntax of the crate `regex`.
//!
//! Both engines have the same semantics, but not the same syntax: `\d`, `\s` and `\w` are ASCII in Go, `{` can be a literal,
//! `\Q…\E` quotes, a class has no operators, and repetitions cannot be stacked. The grammar is that of
//! <https://github.com/google/re2/wiki/Syntax> with the flags that `regexp.Compile` sets.

use regex::Regex;

/// Maximum number of a repetition, also of nested ones together, as in Go.
const MAX_REPEAT: u64 = 1000;

/// The classes of Perl in both forms: alone and inside of a class.
const DIGIT: (&str, &str) = ("[0-9]", "[^0-9]");
const SPACE: (&str, &str) = (r"[\t\n\x0C\r ]", r"[^\t\n\x0C\r ]");
const WORD: (&str, &str) = ("[0-9A-Za-z_]", "[^0-9A-Za-z_]");

/// The classes of POSIX (`[:alpha:]`), which are ASCII in both engines.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Compiles a regular expression of Go.
///
/// # Errors
/// A message without the expression, if Go does not accept it or it is too large.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&to_rust(pattern)?).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line has the reason; the lines before it show the converted expression.
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            reason.trim_start_matches("error: ").to_owned()
        }
    })
}

/// Converts a regular expression of Go.
///
/// # Errors
/// A message if Go does not accept the expression.
pub(crate) fn to_rust(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern,
        out: String::with_capacity(pattern.len()),
        groups: Vec::new(),
    };
    translator.run()?;
    Ok(translator.out)
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    /// For each open group, the number of its largest repetition so far. Nested repetitions multiply.
    groups: Vec<u64>,
}

/// What stands before the position: whether it can be repeated, and how often it repeats itself.
enum Before {
    Nothing,
    Atom(u64),
    Repetition,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        let mut before = Before::Nothing;
        let mut largest = 1;
        while let Some(c) = self.next() {
            before = match c {
                '\\' if self.skip("Q") => {
                    let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                    quoted.chars().for_each(|c| push_literal(&mut self.out, c));
                    self.rest = rest;
                    match quoted.is_empty() {
                        true => before,
                        false => Before::Atom(1),
                    }
                }
                '\\' => {
                    self.escape(false)?;
                    Before::Atom(1)
                }
                '[' => {
                    self.class()?;
                    Before::Atom(1)
                }
                '(' => {
                    let is_group = self.open()?;
                    if is_group {
                        self.groups.push(largest);
                        largest = 1;
                    }
                    Before::Nothing
                }
                ')' => {
                    let outer = self.groups.pop().ok_or("unexpected )")?;
                    self.out.push(')');
                    let inner = std::mem::replace(&mut largest, outer);
                    largest = largest.max(inner);
                    Before::Atom(inner)
                }
                '*' | '+' | '?' => {
                    self.out.push(c);
                    self.repeat(&before)?;
                    Before::Repetition
                }
                '{' => match self.counts() {
                    None => {
                        self.out.push_str("\\{");
                        Before::Atom(1)
                    }
                    Some((least, most)) => {
                        let count = most.unwrap_or(least).max(least);
                        if most.is_some_and(|most| most < least) || count > MAX_REPEAT {
                            return Err("invalid repeat count".to_owned());
                        }
                        let Before::Atom(inner) = before else {
                            return Err(stacked(&before));
                        };
                        let count = inner.saturating_mul(count.max(1));
                        if count > MAX_REPEAT {
                            return Err("nested repetitions are more than 1000".to_owned());
                        }
                        largest = largest.max(count);
                        let most = most.map_or(String::new(), |most| most.to_string());
                        match least.to_string() == most {
                            true => self.out.push_str(&format!("{{{least}}}")),
                            false => self.out.push_str(&format!("{{{least},{most}}}")),
                        }
                        self.repeat(&Before::Atom(1))?;
                        Before::Repetition
                    }
                },
                '|' => {
                    self.out.push('|');
                    Before::Nothing
                }
                '^' | '$' | '.' => {
                    self.out.push(c);
                    Before::Atom(1)
                }
                c => {
                    push_literal(&mut self.out, c);
                    Before::Atom(1)
                }
            };
        }
        match self.groups.is_empty() {
            true => Ok(()),
            false => Err("missing closing )".to_owned()),
        }
    }

    /// Checks that a repetition follows something, and copies the question mark that makes it lazy.
    fn repeat(&mut self, before: &Before) -> Result<(), String> {
        if !matches!(before, Before::Atom(_)) {
            return Err(stacked(before));
        }
        if self.skip("?") {
            self.out.push('?');
        }
        Ok(())
    }

    /// Reads `2}`, `2,}` or `2,3}`. Anything else behind a brace makes it a literal.
    fn counts(&mut self) -> Option<(u64, Option<u64>)> {
        let (counts, rest) = self.rest.split_once('}')?;
        let number = |text: &str| -> Option<u64> {
            let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let has_zero = text.len() > 1 && text.starts_with('0');
            (is_number && !has_zero).then(|| text.parse().unwrap_or(u64::MAX))
        };
        let found = match counts.split_once(',') {
            None => number(counts).map(|n| (n, Some(n)))?,
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        self.rest = rest;
        Some(found)
    }

    /// Copies what follows an opening parenthesis. Returns whether a group begins, not only flags.
    fn open(&mut self) -> Result<bool, String> {
        self.out.push('(');
        if !self.skip("?") {
            return Ok(true);
        }
        if let Some(named) = self
            .rest
            .strip_prefix("P<")
            .or_else(|| self.rest.strip_prefix('<'))
        {
            let (name, rest) = named.split_once('>').ok_or("invalid named capture")?;
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_word) {
                return Err("invalid named capture".to_owned());
            }
            // Rust does not allow every name of Go. A replacement cannot refer to the group then.
            if !name.starts_with(|c: char| c.is_ascii_digit()) {
                self.out.push_str(&format!("?P<{name}>"));
            }
            self.rest = rest;
            return Ok(true);
        }
        self.out.push('?');
        let mut has_minus = false;
        let mut has_flag = false;
        loop {
            match self.next() {
                Some(c @ ('i' | 'm' | 's' | 'U')) => {
                    has_flag = true;
                    self.out.push(c);
                }
                Some('-') if !has_minus => {
                    has_minus = true;
                    has_flag = false;
                    self.out.push('-');
                }
                Some(c @ (':' | ')')) if !has_minus || has_flag => {
                    // Rust has no empty flags: `(?)`.
                    if self.out.ends_with("(?") && c == ')' {
                        self.out.truncate(self.out.len() - 2);
                    } else {
                        self.out.push(c);
                    }
                    return Ok(c == ':');
                }
                _ => return Err("invalid or unsupported Perl syntax after (?".to_owned()),
            }
        }
    }

    /// Copies what follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let c = self.next().ok_or("trailing backslash")?;
        let perl = match c.to_ascii_lowercase() {
            'd' => Some(DIGIT),
            's' => Some(SPACE),
            'w' => Some(WORD),
            _ => None,
        };
        if let Some((plain, negated)) = perl {
            let class = if c.is_ascii_lowercase() {
                plain
            } else {
                negated
            };
            self.out.push_str(class);
            return Ok(());
        }
        match c {
            'b' if !in_class => self.out.push_str("(?-u:\\b)"),
            'A' | 'z' | 'B' if !in_class => {
                self.out.push('\\');
                self.out.push(c);
            }
            'p' | 'P' => return self.unicode_class(c == 'P'),
            _ => {
                let c = self.escaped_char(c)?;
                push_literal(&mut self.out, c);
            }
        }
        Ok(())
    }

    /// Returns the character that an escape sequence stands for. `c` follows the backslash.
    fn escaped_char(&mut self, c: char) -> Result<char, String> {
        let invalid = || format!("invalid escape sequence \\{c}");
        let octal = |c: char| c.to_digit(8);
        Ok(match c {
            'a' => '\u{7}',
            'f' => '\u{c}',
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\u{b}',
            'x' => {
                let digits = match self.rest.strip_prefix('{') {
                    Some(rest) => {
                        let (digits, rest) = rest.split_once('}').ok_or_else(invalid)?;
                        self.rest = rest;
                        digits
                    }
                    None => {
                        let digits = self.rest.get(..2).ok_or_else(invalid)?;
                        self.rest = &self.rest[2..];
                        digits
                    }
                };
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(invalid());
                }
                let code = u32::from_str_radix(digits, 16).map_err(|_| invalid())?;
                char::from_u32(code).ok_or_else(invalid)?
            }
            // A digit alone would be a reference to a group, which Go does not have.
            '1'..='7' if !self.rest.starts_with(|c: char| c.is_digit(8)) => return Err(invalid()),
            '0'..='7' => {
                let mut code = octal(c).unwrap_or_default();
                for _ in 0..2 {
                    match self.rest.chars().next().and_then(octal) {
                        Some(digit) => code = code * 8 + digit,
                        None => break,
                    }
                    self.next();
                }
                char::from_u32(code).ok_or_else(invalid)?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return Err(invalid()),
        })
    }

    /// Copies a class of Unicode: `\pL`, `\p{Greek}`, `\p{^Lu}`.
    fn unicode_class(&mut self, negated: bool) -> Result<(), String> {
        let name = match self.rest.strip_prefix('{') {
            Some(rest) => {
                let (name, rest) = rest
                    .split_once('}')
                    .ok_or("invalid character class range")?;
                self.rest = rest;
                name.to_owned()
            }
            None => self
                .next()
                .ok_or("invalid character class range")?
                .to_string(),
        };
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (!negated, name.to_owned()),
            None => (negated, name),
        };
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
        };
        if !is_name(&name) {
            return Err(format!("invalid character class range \\p{{{name}}}"));
        }
        let letter = if negated { 'P' } else { 'p' };
        self.out.push_str(&format!("\\{letter}{{{name}}}"));
        Ok(())
    }

    /// Copies what follows `[`, up to the closing bracket.
    fn class(&mut self) -> Result<(), String> {
        const OPEN: &str = "missing closing ]";
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            if !is_first && self.skip("]") {
                self.out.push(']');
                return Ok(());
            }
            is_first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                let (name, rest) = self.rest.split_at(end + 2);
                if !POSIX.contains(&name.trim_matches(['[', ':', ']', '^'])) {
                    return Err(format!("invalid character class range {name}"));
                }
                self.rest = rest;
                self.out.push_str(name);
                continue;
            }
            if let [
                b'\\',
                b'd' | b'D' | b's' | b'S' | b'w' | b'W' | b'p' | b'P',
                ..,
            ] = self.rest.as_bytes()
            {
                self.next();
                self.escape(true)?;
                continue;
            }
            let low = self.class_char(OPEN)?;
            push_literal(&mut self.out, low);
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            if is_range {
                self.next();
                let high = self.class_char(OPEN)?;
                if high < low {
                    return Err("invalid character class range".to_owned());
                }
                self.out.push('-');
                push_literal(&mut self.out, high);
            }
        }
    }

    fn class_char(&mut self, open: &str) -> Result<char, String> {
        match self.next().ok_or(open)? {
            '\\' => {
                let c = self.next().ok_or(open)?;
                self.escaped_char(c)
            }
            c => Ok(c),
        }
    }
}

fn stacked(before: &Before) -> String {
    match before {
        Before::Repetition => "invalid nested repetition operator".to_owned(),
        _ => "missing argument to repetition operator".to_owned(),
    }
}

/// Appends a character that stands for itself, inside of a class or outside.
fn push_literal(out: &mut String, c: char) {
    match c {
        // What has a meaning somewhere in the syntax of Rust.
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$'
        | '#' | '&' | '-' | '~' => {
            out.push('\\');
            out.push(c);
        }
        c if c.is_control() => out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        c => out.push(c),
    }
}

/// Returns a bound for the size of a compiled regular expression: its length, as often as its repetitions say.
pub(crate) fn compiled_size(pattern: &str) -> u64 {
    let counts = pattern.split('{').skip(1).filter_map(|rest| {
        let counts = rest.split('}').next()?;
        counts
            .split(',')
            .filter_map(|count| count.parse::<u64>().ok())
            .max()
    });
    counts.fold(pattern.len() as u64, |size, count| {
        size.saturating_mul(count.max(1))
    })
}

#[cfg(test)]
mod tests {
    use super::{compile, compiled_size, to_rust};

    #[test]
    fn the_syntax_of_go_becomes_that_of_rust() {
        let table = [
            ("^v[0-9]+$", "^v[0-9]+$"),
            (r"\d\D[\d\S]", r"[0-9][^0-9][[0-9][^\t\n\x0C\r ]]"),
            (r"\Qa.b\E+", r"a\.b+"),
            (r"\Qa.b", r"a\.b"),
            ("a{b", r"a\{b"),
            ("a{,2}", r"a\{,2\}"),
            ("a{2}b{2,}c{2,3}?", "a{2}b{2,}c{2,3}?"),
            ("[]a]", r"[\]a]"),
            ("[^]a-c-]", r"[^\]a-c\-]"),
            ("[[a&&b]", r"[\[a\&\&b]"),
            (r"[\d-z]", r"[[0-9]\-z]"),
            ("[[:alpha:]_]", "[[:alpha:]_]"),
            (r"\pL\p{Greek}\p{^Lu}\PN", r"\p{L}\p{Greek}\P{Lu}\P{N}"),
            (r"\x41\x{e9}\101\0\a\_\<", "AéA\\x{0}\\x{7}_<"),
            ("(?i)a(?s:.)(?P<n>b)(?<m>c)", "(?i)a(?s:.)(?P<n>b)(?P<m>c)"),
            (r"\bx\B\z", r"(?-u:\b)x\B\z"),
            ("(|a)*", "(|a)*"),
            ("^*", "^*"),
        ];
        for (pattern, want) in table {
            assert_eq!(to_rust(pattern).as_deref(), Ok(want), "{pattern}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "a**",
            "a{2}{3}",
            "a+??",
            "*a",
            "(*a)",
            "|*",
            "a{1001}",
            "(a{100}){11}",
            "a{3,2}",
            "(",
            ")",
            "(a",
            "[",
            "[a",
            "[z-a]",
            "\\",
            r"\1",
            r"\8",
            r"\u0041",
            r"\cA",
            r"\e",
            r"\h",
            r"\Z",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?x)a",
            "(?i",
            "(?P<a",
            "(?P=a)",
            "(?>a)",
            r"\p{letter}",
            r"\pl",
            "[a-\\d]",
            r"\x4",
            r"\x{110000}",
        ] {
            let result = to_rust(pattern);
            assert!(result.is_err(), "{pattern}: {result:?}");
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        // A pattern, the string to search, and the first match.
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

    #[test]
    fn repetitions_multiply_the_size_of_a_pattern() {
        let table = [
            ("", 0),
            ("abc", 3),
            ("a{3}", 12),
            ("(a{2,5}){10}", 600),
            ("a{,x}{", 6),
        ];
        for (pattern, want) in table {
            assert_eq!(compiled_size(pattern), want, "{pattern}");
        }
    }
}
