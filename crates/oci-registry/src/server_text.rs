//! What servers say about errors, for messages: plain and short.

use crate::limits;

/// Returns what a server says in the body of an error: the messages of the distribution specification ("Error Codes"),
/// or the text itself if it is short and plain.
pub(crate) fn message_of(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    struct Entry {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        detail: serde_json::Value,
    }
    let text = match serde_json::from_slice::<Errors>(body) {
        Ok(found) => {
            let entry = |entry: &Entry| {
                let text = match entry.message.is_empty() {
                    true => &entry.code,
                    false => &entry.message,
                };
                match entry.detail.as_str() {
                    Some(detail) if !detail.is_empty() && detail != text => {
                        format!("{text} ({detail})")
                    }
                    _ => text.clone(),
                }
            };
            let messages: Vec<String> = found.errors.iter().map(entry).collect();
            messages.join("; ")
        }
        // The pages of proxies say nothing that helps.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    shown(&text)
}

/// Returns text of a server as it can be shown: in one line, without control characters, and not too long.
pub(crate) fn shown(text: &str) -> String {
    let spaced = text.chars();
    let spaced = spaced.map(|c| if c.is_whitespace() { ' ' } else { c });
    let plain: String = spaced
        .filter(|c| !c.is_control())
        .take(limits::SHOWN_ERROR + 1)
        .collect();
    match plain.char_indices().nth(limits::SHOWN_ERROR) {
        Some((end, _)) => format!("{}…", plain[..end].trim()),
        None => plain.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_server_is_plain_and_short() {
        let table = [
            (
                r#"{"errors":[{"code":"DENIED","message":"no push here"}]}"#,
                "no push here",
            ),
            (
                r#"{"errors":[{"code":"DENIED"},{"message":"b"}]}"#,
                "DENIED; b",
            ),
            (
                r#"{"errors":[{"message":"no","detail":"quota"},{"message":"c","detail":"c"},{"message":"d","detail":{}}]}"#,
                "no (quota); c; d",
            ),
            ("<html><h1>502</h1></html>", ""),
            ("plain\n  text\u{1b}[31m", "plain   text[31m"),
            ("", ""),
        ];
        for (body, message) in table {
            assert_eq!(message_of(body.as_bytes()), message, "{body}");
        }
        let long = message_of("ä".repeat(600).as_bytes());
        assert_eq!(long.chars().count(), 513);
    }
}
