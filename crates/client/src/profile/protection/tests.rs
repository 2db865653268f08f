use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use procura_keys::clock::Timestamp;

use super::super::keychain::KeychainError;
use super::*;
use crate::fake::BANK;
use crate::system::SystemEntropy;

const NOW: Timestamp = Timestamp::from_seconds(1_770_000_000);

#[derive(Default)]
struct FakeKeychain {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    is_gone: AtomicBool,
}

impl FakeKeychain {
    fn kept(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>>, KeychainError> {
        if self.is_gone.load(Ordering::Relaxed) {
            return Err(KeychainError::Unavailable("nobody is there".to_owned()));
        }
        Ok(self.kept.lock().unwrap())
    }
}

impl Keychain for FakeKeychain {
    fn name(&self) -> &'static str {
        "fake keychain"
    }

    fn load(&self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        Ok(self.kept()?.get(entry).cloned().map(Zeroizing::new))
    }

    fn store(&self, entry: &str, secret: &[u8]) -> Result<(), KeychainError> {
        self.kept()?.insert(entry.to_owned(), secret.to_vec());
        Ok(())
    }

    fn remove(&self, entry: &str) -> Result<(), KeychainError> {
        self.kept()?.remove(entry);
        Ok(())
    }
}

fn passphrase(text: &str) -> Keeper {
    Keeper::passphrase(text.as_bytes()).unwrap()
}

fn open(home: &Path, keeper: &Keeper) -> Result<Profile, ProfileError> {
    Profile::open_encrypted(home, keeper, &SystemEntropy)
}

fn host_key(profile: &Profile) -> [u8; 32] {
    let (keys, _) = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    *keys.in_force.public().as_bytes()
}

fn vault(home: &Path) -> String {
    fs::read_to_string(home.join(VAULT)).unwrap()
}

// AA-10.7-01
#[test]
fn the_keychain_opens_what_it_keeps_the_key_of() {
    let home = tempfile::tempdir().unwrap();
    let chain = Arc::new(FakeKeychain::default());
    let keeper = Keeper::Keychain(chain.clone());
    let profile = open(home.path(), &keeper).unwrap();
    assert_eq!(profile.protection(), Protection::Keychain("fake keychain"));
    let key = host_key(&profile);
    assert_eq!(host_key(&open(home.path(), &keeper).unwrap()), key);
    assert!(
        !fs::read_to_string(home.path().join(keys::HOST))
            .unwrap()
            .contains("Ed25519")
    );
    for secret in chain.kept.lock().unwrap().values() {
        let text = procura_keys::digest::to_base64url(secret);
        assert!(
            !vault(home.path()).contains(&text),
            "the key is not beside the lock"
        );
    }
    for other in [
        open(home.path(), &passphrase("x")),
        Profile::open(home.path()),
    ] {
        let refused = other.err().unwrap();
        assert!(matches!(refused, ProfileError::Locked { .. }));
        assert!(refused.to_string().contains("in the keychain"), "{refused}");
    }
}

#[test]
fn a_keychain_that_lost_the_key_or_is_gone_is_reported_and_nothing_changes() {
    let home = tempfile::tempdir().unwrap();
    let chain = Arc::new(FakeKeychain::default());
    let keeper = Keeper::Keychain(chain.clone());
    host_key(&open(home.path(), &keeper).unwrap());
    let before = vault(home.path());
    let refused = || open(home.path(), &keeper).err().unwrap();
    chain.is_gone.store(true, Ordering::Relaxed);
    assert!(
        refused()
            .to_string()
            .contains("does not answer: nobody is there")
    );
    chain.is_gone.store(false, Ordering::Relaxed);
    let kept = std::mem::take(&mut *chain.kept.lock().unwrap());
    assert!(matches!(
        refused(),
        ProfileError::Keychain {
            error: KeychainError::NoEntry,
            ..
        }
    ));
    for (name, _) in kept {
        chain.store(&name, &[7; 32]).unwrap();
    }
    assert!(
        refused().to_string().contains("does not fit"),
        "{}",
        refused()
    );
    assert_eq!(vault(home.path()), before);
}

#[test]
fn a_new_passphrase_takes_the_place_of_the_old_one() {
    let home = tempfile::tempdir().unwrap();
    let opened = open(home.path(), &passphrase("old")).unwrap();
    let key = host_key(&opened);
    let sealed = fs::read(home.path().join(keys::HOST)).unwrap();
    opened.entrust(&passphrase("new"), &SystemEntropy).unwrap();
    assert!(matches!(
        open(home.path(), &passphrase("old")),
        Err(ProfileError::WrongPassphrase { .. })
    ));
    assert_eq!(
        host_key(&open(home.path(), &passphrase("new")).unwrap()),
        key
    );
    assert_eq!(fs::read(home.path().join(keys::HOST)).unwrap(), sealed);
    // Who had it open before goes on.
    assert_eq!(host_key(&opened), key);
    opened.renew_access_token(&SystemEntropy).unwrap();
    let new = open(home.path(), &passphrase("new")).unwrap();
    assert_eq!(
        new.access_token(&SystemEntropy).unwrap(),
        opened.access_token(&SystemEntropy).unwrap()
    );
}

#[test]
fn keychain_and_passphrase_take_turns_and_the_keychain_keeps_no_more_than_it_has_to() {
    let home = tempfile::tempdir().unwrap();
    let chain = Arc::new(FakeKeychain::default());
    let in_chain = Keeper::Keychain(chain.clone());
    let plain = Profile::open(home.path()).unwrap();
    let key = host_key(&plain);
    let entries = || chain.kept.lock().unwrap().len();
    let profile = plain.entrust(&in_chain, &SystemEntropy).unwrap();
    let profile = profile.entrust(&in_chain, &SystemEntropy).unwrap();
    assert_eq!(entries(), 1);
    let profile = profile.entrust(&passphrase("p"), &SystemEntropy).unwrap();
    assert_eq!(entries(), 0);
    let profile = profile.entrust(&in_chain, &SystemEntropy).unwrap();
    assert_eq!(entries(), 1);
    assert_eq!(host_key(&profile), key);
    // A keychain that does not take the new key leaves everything as it was.
    let profile = profile.entrust(&passphrase("q"), &SystemEntropy).unwrap();
    chain.is_gone.store(true, Ordering::Relaxed);
    assert!(profile.entrust(&in_chain, &SystemEntropy).is_err());
    assert_eq!(host_key(&open(home.path(), &passphrase("q")).unwrap()), key);
}

/// The moment between the new key in the keychain and the file that names it.
#[test]
fn a_move_that_was_cut_off_before_its_file_leaves_the_old_keeper() {
    let home = tempfile::tempdir().unwrap();
    let chain = Arc::new(FakeKeychain::default());
    let profile = open(home.path(), &passphrase("old")).unwrap();
    let key = host_key(&profile);
    let before = vault(home.path());
    profile
        .entrust(&Keeper::Keychain(chain), &SystemEntropy)
        .unwrap();
    fs::write(home.path().join(VAULT), before).unwrap();
    assert_eq!(
        host_key(&open(home.path(), &passphrase("old")).unwrap()),
        key
    );
}

#[test]
fn a_process_from_before_the_encryption_writes_nothing_in_clear_any_more() {
    let home = tempfile::tempdir().unwrap();
    let before = Profile::open(home.path()).unwrap();
    host_key(&before);
    open(home.path(), &passphrase("p")).unwrap();
    let locked = |result: Result<_, ProfileError>| {
        assert!(matches!(result, Err(ProfileError::Locked { .. })));
    };
    locked(before.access_token(&SystemEntropy).map(drop));
    locked(before.is_host_per_server().map(drop));
    locked(before.entrust(&passphrase("q"), &SystemEntropy).map(drop));
    assert!(!home.path().join("access.json").exists());
    open(home.path(), &passphrase("p")).unwrap();
}

#[test]
fn encrypting_removes_what_cut_off_writes_left_in_clear() {
    let home = tempfile::tempdir().unwrap();
    host_key(&Profile::open(home.path()).unwrap());
    let agents = home.path().join(AGENTS);
    fs::create_dir(&agents).unwrap();
    let left = [home.path().join("a.new"), agents.join("b.new")];
    for path in &left {
        fs::write(path, "a key").unwrap();
    }
    open(home.path(), &passphrase("p")).unwrap();
    assert!(!left.iter().any(|path| path.exists()));
}

#[test]
fn an_access_token_stays_until_it_is_renewed() {
    let profile = Profile::in_memory();
    let token = profile.access_token(&SystemEntropy).unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    assert_eq!(profile.access_token(&SystemEntropy).unwrap(), token);
    let renewed = profile.renew_access_token(&SystemEntropy).unwrap();
    assert_ne!(renewed, token);
    assert_eq!(profile.access_token(&SystemEntropy).unwrap(), renewed);
}
