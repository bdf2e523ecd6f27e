//! YAML as Kubernetes tools read and write it: YAML 1.1 scalars, positions, stable output.
//!
//! Helm, kubectl and the API server resolve plain scalars by the YAML 1.1 rules of Go's `yaml.v2` (a bare `y`, `yes` or
//! `on` is a boolean). A file must mean the same here, so this module resolves the scalars; the parser crate handles the
//! syntax.

mod comments;
mod read;
mod scalar;
mod write;

pub use comments::comments;
pub use read::{Document, Marks, YamlError, parse, parse_documents, parse_with_marks};
pub use scalar::Numbers;
pub use write::to_yaml;
pub(crate) use write::{float_32_to_text, float_to_text, in_order, is_plain_word, pad, write_key};
