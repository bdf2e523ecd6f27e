//! Functions that generate keys, certificates and hashes of passwords: they are refused where they are run.

use super::{ANY, Body, Error, Function};

pub(super) const TABLE: &[Function] = &[
    ("bcrypt", 1, 1, REFUSED),
    ("htpasswd", 2, 2, REFUSED),
    ("derivePassword", 5, 5, REFUSED),
    ("genPrivateKey", 1, 1, REFUSED),
    ("buildCustomCert", 2, 2, REFUSED),
    ("genCA", 2, 2, REFUSED),
    ("genCAWithKey", 3, 3, REFUSED),
    ("genSelfSignedCert", 4, 4, REFUSED),
    ("genSelfSignedCertWithKey", 5, 5, REFUSED),
    ("genSignedCert", 5, 5, REFUSED),
    ("genSignedCertWithKey", 6, ANY, REFUSED),
    ("encryptAES", 2, 2, REFUSED),
    ("decryptAES", 2, 2, REFUSED),
];

const REFUSED: Body = |_, _| {
    Err(Error::Wrong(
        "keys, certificates and hashes of passwords are not generated here: create them outside of the chart, and give \
         them as values"
            .to_owned(),
    ))
};
