//! The records of releases, as helm keeps them in Secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use helm_release::release::fuzzing::{from_secret, to_secret};
use helm_release::release::{Record, never_deployed, since_uninstalled};
use serde_json::{Value, json};

/// Reads a record from a Secret whose data is the input, or the input behind one or two layers of base64: the content may
/// be JSON, compressed or not.
///
/// # Panics
/// A record that is written and read again is another one.
pub fn release_records(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text);
    }
    let inner = BASE64.encode(data);
    read(&inner);
    read(&BASE64.encode(inner));
}

fn read(data: &str) {
    let secret = json!({
        "metadata": {"name": "sh.helm.release.v1.web.v1", "labels": {"owner": "helm", "team": "a"}},
        "data": {"release": data},
    });
    match from_secret(&secret) {
        Ok(record) => check(record),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

fn check(record: Record) {
    assert!(!record.name().is_empty());
    if let Some(status) = record.status() {
        assert!(record.is(status));
    }
    let _ = (record.objects(), record.hooks(), record.config());
    let _ = (record.notes(), record.app_version(), record.chart_name());
    let _ = record.value(&[&["osm", "meshName"], &["OpenServiceMesh"]]);
    let reference = record.reference();
    let suffix = format!(".{}.v{}", record.name(), record.revision());
    assert!(reference.name.ends_with(&suffix), "{reference}");

    let secret = to_secret(&record);
    let label = |key: &str| secret["metadata"]["labels"][key].clone();
    assert_eq!(label("name"), Value::from(record.name()));
    assert_eq!(label("owner"), Value::from("helm"));
    assert_eq!(label("team"), Value::from("a"));
    let again = from_secret(&secret);
    let again = again.as_ref().map(to_content);
    assert_eq!(again, Ok(to_content(&record)));

    let records = [record];
    let since = since_uninstalled(&records).count();
    assert!(since <= records.len());
    let _ = never_deployed(&records);
}

/// Returns the content of the Secret of a record; the time at which it is written is a label.
fn to_content(record: &Record) -> Value {
    to_secret(record)["data"]["release"].clone()
}
