//! Functions that generate keys and certificates: they are refused where they are run.

use super::{ANY, Body, Error, Function};

pub(super) const TABLE: &[Function] = &[
    ("genPrivateKey", 1, 1, REFUSED),
    ("buildCustomCert", 2, 2, REFUSED),
    ("genCA", 2, 2, REFUSED),
    ("genCAWithKey", 3, 3, REFUSED),
    ("genSelfSignedCert", 4, 4, REFUSED),
    ("genSelfSignedCertWithKey", 5, 5, REFUSED),
    ("genSignedCert", 5, 5, REFUSED),
    ("genSignedCertWithKey", 6, ANY, REFUSED),
];

const REFUSED: Body = |_, _| {
    Err(Error::Wrong(
        "keys and certificates are not generated here: create them outside of the chart, and give them as values"
            .to_owned(),
    ))
};
