//! Records of pax headers, which describe the next entry of an archive (POSIX, pax, "pax Extended Header").

/// A key and a value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// Returns `LENGTH KEY=VALUE` and a line feed, where the length counts its own digits.
pub(super) fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

/// Returns the keys and values of a pax header. Lengths count, not line feeds, so a
/// value cannot contain what others read as another record.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, &'static str> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (record, behind) = split_record(rest).ok_or("an invalid pax header")?;
        records.push(record);
        rest = behind;
    }
    Ok(records)
}

fn split_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(bytes.get(..space)?)?).ok()?;
    let (record, behind) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let key = record.get(..equals)?;
    let value = record.get(equals + 1..)?;
    Some(((key, value), behind))
}

/// Parses digits, and nothing else.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    match digits.iter().all(u8::is_ascii_digit) {
        true => std::str::from_utf8(digits).ok()?.parse().ok(),
        false => None,
    }
}
