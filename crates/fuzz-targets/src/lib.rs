//! The fuzz targets of this workspace: functions that read any bytes, and panic if a law does not hold.
//!
//! A target is a function here, so that a test can give it the committed seeds without cargo-fuzz. The programs in `fuzz/`
//! give it what libFuzzer invents.

mod digest_files;
mod kubeconfig;
mod pin_files;
mod references;
mod release_records;
mod schema;
mod sections;
mod set;
mod templates;
mod text;
mod values_yaml;

pub use digest_files::digest_files;
pub use kubeconfig::kubeconfig;
pub use pin_files::pin_files;
pub use references::references;
pub use release_records::release_records;
pub use schema::schema;
pub use set::set;
pub use templates::templates;
pub use values_yaml::values_yaml;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, with the names of their programs and of the folders of their seeds.
pub const ALL: [(&str, Target); 9] = [
    ("digest_files", digest_files),
    ("kubeconfig", kubeconfig),
    ("pin_files", pin_files),
    ("references", references),
    ("release_records", release_records),
    ("schema", schema),
    ("set", set),
    ("templates", templates),
    ("values_yaml", values_yaml),
];
