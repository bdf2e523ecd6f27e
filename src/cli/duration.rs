//! Durations in the syntax of Go: `5m`, `1m30s`, `1.5h`, `300ms`; `0` means no timeout.

use std::time::Duration;

/// Parses a duration.
///
/// # Errors
/// A message that shows the syntax.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a duration such as 5m, 1m30s or 300ms, or 0 for no timeout".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = after;
    }
    match text.is_empty() {
        true => Err(wrong()),
        false => Duration::try_from_secs_f64(seconds).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_as_in_go() {
        let table = [
            ("0", 0),
            ("5m", 300_000),
            ("5m0s", 300_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("300ms", 300),
        ];
        for (text, millis) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "-1s",
            "1d",
            "5m ",
            "1e3s",
            "99999999999999999999h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
