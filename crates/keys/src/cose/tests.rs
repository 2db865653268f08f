use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use super::*;
use crate::key::SigningKey;

fn bytes(value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    match value.len() {
        0..=23 => [&[0x40 | length[1]], value].concat(),
        24..=255 => [&[0x58, length[1]], value].concat(),
        _ => [&[0x59, length[0], length[1]], value].concat(),
    }
}

fn ec2(x: &[u8], y: &[u8]) -> Vec<u8> {
    [
        &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21],
        &bytes(x)[..],
        &[0x22],
        &bytes(y),
    ]
    .concat()
}

fn okp(x: &[u8]) -> Vec<u8> {
    [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21], &bytes(x)[..]].concat()
}

fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    [
        &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20],
        &bytes(n)[..],
        &[0x21],
        &bytes(e),
    ]
    .concat()
}

#[test]
fn a_key_of_each_kind_verifies_what_it_signed_and_nothing_else() {
    let random = SystemRandom::new();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let point = p256.public_key().as_ref();
    let by_p256 = p256.sign(&random, b"pay").unwrap();
    let ed25519 = SigningKey::from_seed(&[7; 32]).unwrap();
    let rsa_pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // PKCS #1 for 2048 bits: heads of nine bytes and a zero before the modulus, of two before the exponent.
    let numbers = rsa_pair.public_key().as_ref();
    let mut by_rsa = vec![0; rsa_pair.public_modulus_len()];
    rsa_pair
        .sign(&RSA_PKCS1_SHA256, &random, b"pay", &mut by_rsa)
        .unwrap();
    let cases = [
        (ec2(&point[1..33], &point[33..]), by_p256.as_ref().to_vec()),
        (
            okp(ed25519.public().as_bytes()),
            ed25519.sign(b"pay").to_vec(),
        ),
        (rsa(&numbers[9..265], &numbers[267..]), by_rsa),
    ];
    for (cose, signature) in cases {
        let key = CoseKey::parse(&cose).unwrap();
        assert_eq!(key.as_bytes(), cose);
        assert!(key.verifies(b"pay", &signature));
        assert!(!key.verifies(b"pray", &signature));
        assert!(!key.verifies(b"pay", &signature[1..]));
        let mut tampered = signature;
        *tampered.last_mut().unwrap() ^= 1;
        assert!(!key.verifies(b"pay", &tampered));
    }
}

#[test]
fn what_follows_a_key_is_left_alone() {
    let key = okp(SigningKey::from_seed(&[7; 32]).unwrap().public().as_bytes());
    let longer = [&key[..], &[0xa0]].concat();
    assert!(CoseKey::parse(&longer).is_err());
    let (first, rest) = CoseKey::parse_first(&longer).unwrap();
    assert_eq!((first.as_bytes(), rest), (&key[..], &[0xa0][..]));
}

#[test]
fn what_is_no_key_is_refused() {
    let ed25519 = *SigningKey::from_seed(&[7; 32]).unwrap().public().as_bytes();
    let mut other_algorithm = okp(&ed25519);
    other_algorithm[4] = 0x26;
    let twice = [&[0xa5, 1, 1], &okp(&ed25519)[1..]].concat();
    let private = [&[0xa5], &okp(&ed25519)[1..], &[0x23, 0x41, 1]].concat();
    let cases = [
        (other_algorithm, CoseError::Unsupported),
        (twice, CoseError::Incomplete),
        (private, CoseError::Unsupported),
        (okp(&[0; 32]), CoseError::Ed25519(KeyError::Weak)),
        (okp(&[1; 31]), CoseError::Ed25519(KeyError::WrongLength)),
        (ec2(&[1; 32], &[1; 32]), CoseError::Invalid),
        (ec2(&[1; 31], &[1; 32]), CoseError::Incomplete),
        (rsa(&[1; 128], &[1, 0, 1]), CoseError::Invalid),
        (rsa(&[0; 256], &[1, 0, 1]), CoseError::Invalid),
        (vec![0xa0], CoseError::Incomplete),
        (vec![0x00], CoseError::Cbor(NotCbor)),
        (Vec::new(), CoseError::Cbor(NotCbor)),
    ];
    for (bytes, error) in cases {
        assert_eq!(CoseKey::parse(&bytes), Err(error), "{bytes:02x?}");
    }
}
