//! `.Files`: the files of a chart that are not templates.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;

use super::glob::glob_match;

/// Files by their path inside the chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<Rc<str>, Rc<[u8]>>);

impl Files {
    /// Returns whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (&**name, &**bytes))
    }

    /// Returns the content of a file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|bytes| &**bytes)
    }

    /// Returns the files whose path matches a shell pattern: `*` stays within a folder, `**` does not.
    #[must_use]
    pub fn glob(&self, pattern: &str) -> Files {
        Files(
            self.0
                .iter()
                .filter(|(name, _)| glob_match(pattern, name))
                .map(|(name, bytes)| (Rc::clone(name), Rc::clone(bytes)))
                .collect(),
        )
    }
}

impl FromIterator<(String, Vec<u8>)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Files {
        Files(
            files
                .into_iter()
                .map(|(name, bytes)| (name.into(), bytes.into()))
                .collect(),
        )
    }
}

/// Encodes bytes as standard base64 with padding (RFC 4648, section 4).
pub(super) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
