//! Functions that hash, derive and encrypt with passwords.

use aes::Aes256;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::super::files::base64;
use super::super::meter::spend_slow;
use super::super::value::Value;
use super::args::Args;
use super::encoding::decode_base64;
use super::{Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("bcrypt", 1, 1, |context, a| {
        Ok(Value::from(bcrypt(context, "bcrypt", a.text(0)?)?))
    }),
    ("htpasswd", 2, 2, |context, a| {
        let (user, password) = (a.text(0)?, a.text(1)?);
        Ok(Value::from(match user.contains(':') {
            true => format!("invalid username: {user}"),
            false => format!("{user}:{}", bcrypt(context, "htpasswd", password)?),
        }))
    }),
    ("derivePassword", 5, 5, derive_password),
    ("encryptAES", 2, 2, encrypt),
    ("decryptAES", 2, 2, decrypt),
];

/// The cost of a hash: two to this power rounds.
const COST: u32 = 10;
/// The longest password that can be hashed, in bytes.
const LONGEST_PASSWORD: usize = 72;
/// The size of a block, and of an initialization vector, in bytes.
const BLOCK: usize = 16;

/// Hashes a password with a random salt.
fn bcrypt(context: &Context, function: &'static str, password: &str) -> Result<String, Error> {
    let failed = |reason: &str| format!("failed to encrypt string with bcrypt: bcrypt: {reason}");
    if password.len() > LONGEST_PASSWORD {
        let reason = format!("password length exceeds {LONGEST_PASSWORD} bytes");
        return Ok(failed(&reason));
    }
    let mut salt = [0; 16];
    salt.copy_from_slice(&context.random(function, 16)?);
    if !spend_slow() {
        return Ok(String::new());
    }
    let hash = bcrypt::hash_with_salt(password, COST, salt);
    let hash = hash.map(|hash| hash.format_for_version(bcrypt::Version::TwoA));
    Ok(hash.unwrap_or_else(|error| failed(&error.to_string())))
}

/// The name of the algorithm, version 2 of Master Password, which goes into each key and each seed.
const ALGORITHM: &str = "com.lyndir.masterpassword";

/// The classes of the characters of a password, for each of its types.
const TYPES: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

/// Returns the characters of a class.
fn characters(class: u8) -> &'static [u8] {
    match class {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// Derives the password of a site from a master password.
fn derive_password(_: &mut Context, a: &Args<'_>) -> Outcome {
    let counter = u32::try_from(a.int(0)?)
        .map_err(|_| format!("the counter {} is not a 32-bit number", a.get(0)))?;
    let (name, password, user, site) = (a.text(1)?, a.text(2)?, a.text(3)?, a.text(4)?);
    let Some((_, forms)) = TYPES.iter().find(|(known, _)| *known == name) else {
        return Ok(Value::from(format!("cannot find password template {name}")));
    };
    if !spend_slow() {
        return Ok(Value::str(""));
    }
    let named = |text: &str| {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        [ALGORITHM.as_bytes(), &length.to_be_bytes(), text.as_bytes()].concat()
    };
    let failed = |reason: &dyn std::fmt::Display| format!("failed to derive password: {reason}");
    let params = scrypt::Params::new(15, 8, 2).map_err(|error| failed(&error))?;
    let mut key = [0; 64];
    scrypt::scrypt(password.as_bytes(), &named(user), &params, &mut key)
        .map_err(|error| failed(&error))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(&error))?;
    mac.update(&named(site));
    mac.update(&counter.to_be_bytes());
    let seed = mac.finalize().into_bytes();

    let mut seed = seed.iter().map(|byte| usize::from(*byte));
    let form = seed.next().and_then(|byte| forms.get(byte % forms.len()));
    let classes = form.copied().unwrap_or_default().bytes();
    let password = classes.zip(seed).filter_map(|(class, byte)| {
        let characters = characters(class);
        characters.get(byte % characters.len()).copied()
    });
    Ok(Value::from(password.map(char::from).collect::<String>()))
}

/// Returns the key of AES-256: the first bytes of the password, filled up with zeros.
fn key(password: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut()
        .zip(password.bytes())
        .for_each(|(byte, of_password)| *byte = of_password);
    key
}

/// Encrypts with AES-256 in CBC mode (NIST SP 800-38A) and the padding of PKCS #7. The result is the initialization vector
/// and the blocks, in base64.
fn encrypt(context: &mut Context, a: &Args<'_>) -> Outcome {
    let (password, text) = (a.text(0)?, a.bytes(1)?);
    if text.is_empty() {
        return Ok(Value::str(""));
    }
    let mut iv = [0; BLOCK];
    iv.copy_from_slice(&context.random("encryptAES", BLOCK)?);
    let cipher = cbc::Encryptor::<Aes256>::new(&key(password).into(), &iv.into());
    let blocks = cipher.encrypt_padded_vec::<Pkcs7>(text);
    Ok(Value::from(base64(&[&iv[..], &blocks].concat())))
}

/// Decrypts what [`encrypt`] returns.
fn decrypt(_: &mut Context, a: &Args<'_>) -> Outcome {
    let (password, text) = (a.text(0)?, a.text(1)?);
    if text.is_empty() {
        return Ok(Value::str(""));
    }
    let encrypted = decode_base64(text)?;
    let not_encrypted =
        || "the text was not encrypted with encryptAES and this password".to_owned();
    let (iv, blocks) = encrypted.split_first_chunk().ok_or_else(not_encrypted)?;
    let iv: [u8; BLOCK] = *iv;
    let cipher = cbc::Decryptor::<Aes256>::new(&key(password).into(), &iv.into());
    let decrypted = cipher.decrypt_padded_vec::<NoPadding>(blocks);
    let decrypted = decrypted.map_err(|_| not_encrypted())?;
    // Only the last byte of the padding counts.
    let padding = decrypted.last().ok_or_else(not_encrypted)?;
    let length = decrypted.len().checked_sub(usize::from(*padding));
    let content = length.and_then(|length| decrypted.get(..length));
    Ok(Value::text(content.ok_or_else(not_encrypted)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::meter;
    use super::super::Lookups;
    use super::*;

    #[test]
    fn passwords_match_their_hashes() {
        let context = Context::new(Lookups::default(), true);
        for password in ["", "a", "päss\0word", &"x".repeat(72)] {
            meter::reset();
            let hash = bcrypt(&context, "bcrypt", password).unwrap();
            assert!(hash.starts_with("$2a$10$"), "{hash}");
            assert_eq!(
                bcrypt::verify(password, &hash).ok(),
                Some(true),
                "{password}"
            );
        }
        let refused = bcrypt(&context, "bcrypt", &"x".repeat(73)).unwrap();
        assert_eq!(
            refused,
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
        );
    }
}
