//! Rows of `docker images --digests`: repository, tag and digest. Further columns are ignored.

use super::error::At;
use super::lines::{self, LogLine, Word};
use super::{Problem, Row};
use crate::Reference;

const NONE: &str = "<none>";

/// Returns whether a line is a row or the header above the rows.
pub(super) fn looks_like_row(line: &LogLine<'_>) -> bool {
    is_header(line)
        || line
            .words()
            .nth(2)
            .is_some_and(|digest| digest.text.contains(':') || digest.text == NONE)
}

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let mut rows = Vec::new();
    for line in lines::of(text) {
        let line = LogLine::new(line);
        if is_header(&line) || line.words().next().is_none() {
            continue;
        }
        rows.push(row(&line)?);
    }
    Ok(rows)
}

fn is_header(line: &LogLine<'_>) -> bool {
    line.words()
        .take(3)
        .map(|word| word.text)
        .eq(["REPOSITORY", "TAG", "DIGEST"])
}

fn row(line: &LogLine<'_>) -> Result<Row, At> {
    let mut words = line.words();
    let (Some(repository), Some(tag), Some(digest)) = (words.next(), words.next(), words.next())
    else {
        return Err(line.position().problem(Problem::NotARow));
    };
    let name: Reference = field(&repository, "repository")?;
    if name.tag().is_some() || name.is_pinned() {
        return Err(repository.position().problem(Problem::NotARow));
    }
    let tag = field(&tag, "tag")?;
    let digest_value = field(&digest, "digest")?;
    let row = super::row(&name, digest_value, digest.position())
        .map_err(|problem| repository.position().problem(problem))?;
    Ok(Row {
        tag: Some(tag),
        ..row
    })
}

fn field<T>(word: &Word<'_>, column: &'static str) -> Result<T, At>
where
    T: std::str::FromStr,
    Problem: From<T::Err>,
{
    if word.text == NONE {
        return Err(word.position().problem(Problem::NoneColumn(column)));
    }
    word.text
        .parse()
        .map_err(|error| word.position().problem(Problem::from(error)))
}
