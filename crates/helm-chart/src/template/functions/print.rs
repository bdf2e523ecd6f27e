//! `print`, `printf` and `println`, with the verbs of Go's package fmt.

use std::fmt::Write as _;

use super::super::limits::MAX_OUTPUT;
use super::super::value::Value;
use super::verbs::{Spec, go_type, write_value};
use super::{ANY, Error, Function};

pub(super) const TABLE: &[Function] = &[
    ("print", 0, ANY, |_, a| Ok(Value::from(sprint(a.0)))),
    ("println", 0, ANY, |_, a| {
        let texts: Vec<String> = a.0.iter().map(ToString::to_string).collect();
        Ok(Value::from(texts.join(" ") + "\n"))
    }),
    ("printf", 1, ANY, |_, a| {
        Ok(Value::from(sprintf(a.text(0)?, a.from(1))?))
    }),
];

/// Separates operands by a blank if neither is a string (package fmt, `Print`).
fn sprint(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        let text = |v: &Value| matches!(v, Value::Str(_));
        if i > 0 && !text(arg) && !args.get(i - 1).is_some_and(text) {
            out.push(' ');
        }
        let _ = write!(out, "{arg}");
    }
    out
}

/// Returns the input of `html`, `js` and `urlquery`: all arguments, joined as `print` does.
pub(super) fn joined(args: &[Value]) -> String {
    let args = args.iter().map(|arg| match arg.is_nil() {
        true => Value::str("<no value>"),
        false => arg.clone(),
    });
    sprint(&args.collect::<Vec<_>>())
}

/// Formats as Go's `fmt.Sprintf`. A mismatch is marked in the output (`%!d(string=x)`).
pub(super) fn sprintf(format: &str, args: &[Value]) -> Result<String, Error> {
    let mut out = String::new();
    let mut reader = Reader {
        rest: format,
        args,
        next: 0,
        indexed: false,
        is_good: true,
    };
    loop {
        let at = reader.rest.find('%').unwrap_or(reader.rest.len());
        let (before, rest) = reader.rest.split_at(at);
        out.push_str(before);
        let Some(rest) = rest.strip_prefix('%') else {
            break;
        };
        reader.rest = rest;
        let Some((verb, spec)) = reader.verb(&mut out) else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if spec.width.max(spec.precision).unwrap_or(0) > MAX_OUTPUT {
            return Err(Error::Wrong("the width is too large".to_owned()));
        }
        match args.get(reader.next) {
            _ if verb == '%' => out.push('%'),
            _ if !reader.is_good => _ = write!(out, "%!{verb}(BADINDEX)"),
            None => _ = write!(out, "%!{verb}(MISSING)"),
            Some(arg) => {
                write_value(&mut out, verb, &spec.of_verb(verb), arg);
                reader.next += 1;
            }
        }
        if out.len() > MAX_OUTPUT {
            return Err(Error::Wrong("the result is too large".to_owned()));
        }
    }
    let extra = args.get(reader.next..).unwrap_or_default();
    if !extra.is_empty() && !reader.indexed {
        let texts: Vec<String> = extra
            .iter()
            .map(|v| match v.is_nil() {
                true => "<nil>".to_owned(),
                false => format!("{}={v}", go_type(v)),
            })
            .collect();
        _ = write!(out, "%!(EXTRA {})", texts.join(", "));
    }
    Ok(out)
}

/// Reads a format string. An argument that is chosen by its number (`%[2]d`) moves `next`.
struct Reader<'f> {
    rest: &'f str,
    args: &'f [Value],
    next: usize,
    /// Whether any argument is chosen by its number: then unused arguments are not reported.
    indexed: bool,
    /// Whether the numbers of this verb are valid.
    is_good: bool,
}

impl Reader<'_> {
    /// Reads what follows a percent sign. Returns `None` at the end of the format.
    fn verb(&mut self, out: &mut String) -> Option<(char, Spec)> {
        self.is_good = true;
        let mut spec = Spec::default();
        loop {
            match self.rest.as_bytes().first() {
                Some(b'-') => spec.minus = true,
                Some(b'+') => spec.plus = true,
                Some(b'#') => spec.sharp = true,
                Some(b' ') => spec.space = true,
                Some(b'0') => spec.zero = true,
                _ => break,
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        let mut after_index = self.index();
        if self.skip('*') {
            let width = self.size();
            if let Some(width) = width {
                spec.minus |= width < 0;
                spec.zero &= width >= 0;
            } else {
                out.push_str("%!(BADWIDTH)");
            }
            spec.width = width.and_then(|n| usize::try_from(n.unsigned_abs()).ok());
            after_index = false;
        } else {
            spec.width = self.number();
            self.is_good &= !(after_index && spec.width.is_some());
        }
        if self.rest.len() > 1 && self.skip('.') {
            self.is_good &= !after_index;
            after_index = self.index();
            if self.skip('*') {
                let precision = self.size().filter(|n| *n >= 0);
                if precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                spec.precision = precision.and_then(|n| usize::try_from(n).ok());
                after_index = false;
            } else {
                spec.precision = self.number().or(Some(0));
            }
        }
        if !after_index {
            self.index();
        }
        let verb = self.rest.chars().next()?;
        self.rest = self.rest.get(verb.len_utf8()..).unwrap_or_default();
        Some((verb, spec))
    }

    fn skip(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Reads `[n]`. Returns whether it names an argument.
    fn index(&mut self) -> bool {
        let Some(inside) = self.rest.strip_prefix('[') else {
            return false;
        };
        self.indexed = true;
        let Some((digits, after)) = inside.split_once(']') else {
            self.is_good = false;
            self.rest = inside;
            return false;
        };
        self.rest = after;
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse::<usize>().ok().filter(|_| is_number);
        match number.filter(|n| (1..=self.args.len()).contains(n)) {
            Some(n) => {
                self.next = n - 1;
                true
            }
            None => {
                self.is_good = false;
                is_number
            }
        }
    }

    /// Takes the next argument as a width or precision (`*`). Returns `None` if it is not a small integer.
    fn size(&mut self) -> Option<i64> {
        let size = self.args.get(self.next)?;
        self.next += 1;
        let size = match size {
            Value::Int(n) | Value::Int64(n) | Value::Duration(n) => *n,
            Value::Byte(n) => i64::from(*n),
            Value::Uint64(n) => i64::try_from(*n).ok()?,
            _ => return None,
        };
        Some(size).filter(|n| (-1_000_000..=1_000_000).contains(n))
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = number.parse().ok().filter(|n| *n <= 1_000_000);
        self.rest = rest;
        number
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn verbs_format_as_in_go() {
        let table = [
            ("%s-%d", json!(["a", 1]), "a-1"),
            (
                "%v %v %v",
                json!([1_000_000.0, null, [1, "a"]]),
                "1e+06 <nil> [1 a]",
            ),
            (
                "%5d|%-5d|%05d|%+d",
                json!([42, 42, -42, 42]),
                "   42|42   |-0042|+42",
            ),
            (
                "%6.2f|%e|%g|%.3g",
                json!([1.005, 1e6, 0.1, 1234.5]),
                "  1.00|1.000000e+06|0.1|1.23e+03",
            ),
            (
                "%q %x %X %t",
                json!(["a\"b", "hi", 255, true]),
                "\"a\\\"b\" 6869 FF true",
            ),
            ("%s", json!([8200.0]), "%!s(float64=8200)"),
            ("%s", json!([null]), "%!s(<nil>)"),
            ("%d", json!(["x"]), "%!d(string=x)"),
            ("%d", json!([]), "%!d(MISSING)"),
            ("x", json!([1, null]), "x%!(EXTRA int64=1, <nil>)"),
            ("%", json!([]), "%!(NOVERB)"),
            ("100%%", json!([]), "100%"),
            ("%*d|%.2s", json!([4, 7, "abc"]), "   7|ab"),
            ("%s", json!([["a", "b"]]), "[a b]"),
        ];
        for (format, args, want) in table {
            let args: Vec<Value> = args.as_array().unwrap().iter().map(Value::from).collect();
            assert_eq!(sprintf(format, &args).unwrap(), want, "{format}");
        }
    }

    #[test]
    fn print_separates_operands_that_are_not_strings() {
        let args: Vec<Value> = [json!("a"), json!(1), json!(2), json!("b")]
            .iter()
            .map(Value::from)
            .collect();
        assert_eq!(sprint(&args), "a1 2b");
    }
}
