use std::fs;

use super::*;
use crate::fake::BANK;
use crate::profile::{Profile, ProfileError};
use crate::system::SystemEntropy;
use procura_keys::clock::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_770_000_000);

fn keeper() -> Keeper {
    Keeper::passphrase(b"passphrase").unwrap()
}

fn host_key(profile: &Profile) -> [u8; 32] {
    let (keys, _) = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    *keys.in_force.public().as_bytes()
}

// AA-10.7-01
#[test]
fn what_is_kept_is_read_with_the_passphrase_alone() {
    let home = tempfile::tempdir().unwrap();
    let open = |passphrase: &[u8]| {
        Profile::open_encrypted(
            home.path(),
            &Keeper::passphrase(passphrase)?,
            &SystemEntropy,
        )
    };
    let key = host_key(&open(b"correct horse").unwrap());
    assert_eq!(host_key(&open(b"correct horse").unwrap()), key);
    let file = fs::read_to_string(home.path().join("host.json")).unwrap();
    assert!(
        file.starts_with(r#"{"sealed":""#) && !file.contains("Ed25519"),
        "{file}"
    );
    for wrong in [&b"correct hors"[..], b"Correct horse"] {
        assert!(matches!(
            open(wrong),
            Err(ProfileError::WrongPassphrase { .. })
        ));
    }
    assert!(matches!(open(b""), Err(ProfileError::EmptyPassphrase)));
    assert!(matches!(
        Profile::open(home.path()),
        Err(ProfileError::Locked { .. })
    ));
}

#[test]
fn what_was_there_before_is_sealed() {
    let home = tempfile::tempdir().unwrap();
    let key = host_key(&Profile::open(home.path()).unwrap());
    let keeper = keeper();
    let open = || Profile::open_encrypted(home.path(), &keeper, &SystemEntropy).unwrap();
    assert_eq!(host_key(&open()), key);
    let file = fs::read(home.path().join("host.json")).unwrap();
    assert!(Vault::is_sealed(&file));
    // As if it had been cut off in between.
    let vault = home.path().join(VAULT);
    let text = fs::read_to_string(&vault).unwrap();
    fs::write(
        &vault,
        text.replace("\"is_complete\": true", "\"is_complete\": false"),
    )
    .unwrap();
    assert_eq!(host_key(&open()), key);
    assert_eq!(fs::read_to_string(&vault).unwrap(), text);
}

#[test]
fn a_file_that_was_changed_swapped_or_planted_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let profile = Profile::open_encrypted(home.path(), &keeper(), &SystemEntropy).unwrap();
    host_key(&profile);
    let path = home.path().join("host.json");
    let whole = fs::read(&path).unwrap();
    let other = profile.vault.as_ref().unwrap();
    let planted = br#"{"key":{"x":"A","d":"A"},"created_at":0}"#;
    let mut changed = whole.clone();
    changed[40] ^= 1;
    let swapped = other
        .seal("agents/x.json", planted, &SystemEntropy)
        .unwrap();
    for bytes in [
        changed,
        swapped,
        planted.to_vec(),
        b"{\"sealed\":\"AAAA\"}".to_vec(),
    ] {
        fs::write(&path, &bytes).unwrap();
        let error = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap_err();
        assert!(error.to_string().contains("cannot be decrypted"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "it is kept as it is");
    }
}

#[test]
fn a_planted_vault_cannot_ask_for_all_memory() {
    let (_, mut file) = Vault::create(&keeper(), &SystemEntropy).unwrap();
    let KeptBy::Passphrase(kdf) = &mut file.keeper else {
        panic!("it is kept by a passphrase");
    };
    kdf.memory_kib = u32::MAX;
    let refused = Vault::unlock(&file, &keeper()).err();
    assert_eq!(refused, Some(VaultDefect::UnknownKdf));
}
