use std::collections::BTreeMap;
use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use procura_agent_auth::agent::Mode;
use procura_keys::clock::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::fake::BANK;
use crate::system::SystemEntropy;

const NOW: Timestamp = Timestamp::from_seconds(1_770_000_000);

fn profile() -> (TempDir, Profile) {
    let home = tempfile::tempdir().unwrap();
    let profile = Profile::open(home.path().join("procura")).unwrap();
    (home, profile)
}

fn connection(agent_id: &str, key: &SigningKey) -> Connection {
    Connection {
        agent_id: agent_id.to_owned(),
        issuer: "https://bank.example".to_owned(),
        provider: "bank".to_owned(),
        name: "Helper".to_owned(),
        mode: Mode::Delegated,
        status: "active".to_owned(),
        grants: Vec::new(),
        asked: Vec::new(),
        agent_key: Thumbprint::of(key.public()),
        created_at: NOW,
        approval: None,
        locations: BTreeMap::new(),
    }
}

fn insert(profile: &Profile, agent_id: &str) -> SigningKey {
    let key = SigningKey::generate(&SystemEntropy).unwrap();
    profile
        .insert(connection(agent_id, &key), &key, &SystemEntropy)
        .unwrap();
    key
}

#[test]
fn nothing_is_written_before_there_is_something_to_keep() {
    let (_home, profile) = profile();
    assert!(profile.connections().unwrap().is_empty());
    assert!(profile.providers().unwrap().is_empty());
    assert!(!profile.directory().unwrap().exists());
}

#[test]
fn keys_and_records_are_the_same_when_the_profile_is_opened_again() {
    let (_home, profile) = profile();
    let (host, is_new) = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    assert!(is_new);
    let agent = insert(&profile, "agt_1");
    let again = Profile::open(profile.directory().unwrap()).unwrap();
    let (host_again, is_new) = again.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    assert_eq!(
        (host_again.in_force.public(), is_new),
        (host.in_force.public(), false)
    );
    let kept = again.connection("agt_1").unwrap();
    assert_eq!(kept, connection("agt_1", &agent));
    assert_eq!(
        again.agent_keys(&kept).unwrap().in_force.public(),
        agent.public()
    );
}

// AA-8.8-01
#[cfg(unix)]
#[test]
fn only_the_user_can_read_the_directory_and_its_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_home, profile) = profile();
    profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    let key = insert(&profile, "agt_1");
    let directory = profile.directory().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700);
    assert_eq!(mode(&directory.join("agents")), 0o700);
    let agent = agent_file(&Thumbprint::of(key.public()));
    for file in ["host.json", "lock", agent.as_str()] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_home, profile) = profile();
    profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    let path = profile.directory().unwrap().join("host.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_damaged_file_is_reported_and_kept() {
    let (_home, profile) = profile();
    profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    let path = profile.directory().unwrap().join("host.json");
    let whole = fs::read_to_string(&path).unwrap();
    let swapped = whole.replace("\"d\": \"", "\"d\": \"A");
    for damage in ["", "{", &whole[..whole.len() / 2], &swapped] {
        fs::write(&path, damage).unwrap();
        let error = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap_err();
        assert!(
            error.to_string().contains("host.json is damaged"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), damage);
    }
}

#[test]
fn a_key_whose_halves_differ_is_damaged() {
    let (_home, profile) = profile();
    profile.host_keys(BANK, &SystemEntropy, NOW).unwrap();
    let path = profile.directory().unwrap().join("host.json");
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["key"]["d"] = to_base64url(&[7; 32]).into();
    fs::write(&path, file.to_string()).unwrap();
    let error = profile.host_keys(BANK, &SystemEntropy, NOW).unwrap_err();
    assert!(
        error.to_string().contains("do not belong together"),
        "{error}"
    );
}

#[test]
fn one_damaged_agent_is_reported_by_its_file() {
    let (_home, profile) = profile();
    let key = insert(&profile, "agt_1");
    let name = agent_file(&Thumbprint::of(key.public()));
    fs::write(profile.directory().unwrap().join(&name), "[]").unwrap();
    let error = profile.connections().unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
}

#[test]
fn what_a_crash_left_behind_is_not_a_record() {
    let (_home, profile) = profile();
    insert(&profile, "agt_1");
    let agents = profile.directory().unwrap().join("agents");
    fs::write(agents.join("half.new"), "{").unwrap();
    assert_eq!(profile.connections().unwrap().len(), 1);
}

#[test]
fn processes_that_start_together_agree_on_one_host_key() {
    let (_home, profile) = profile();
    let start = Barrier::new(8);
    let count = AtomicU64::new(0);
    let keys: Vec<_> = std::thread::scope(|scope| {
        let make = || {
            // Each opens the directory by itself, as another process would.
            let own = Profile::open(profile.directory().unwrap()).unwrap();
            start.wait();
            let (key, is_new) = own.host_keys(BANK, &SystemEntropy, NOW).unwrap();
            count.fetch_add(u64::from(is_new), Ordering::Relaxed);
            *key.in_force.public().as_bytes()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(count.into_inner(), 1);
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    let (_home, profile) = profile();
    let key = insert(&profile, "agt_1");
    let thumbprint = Thumbprint::of(key.public());
    std::thread::scope(|scope| {
        for number in 0..8 {
            let own = Profile::open(profile.directory().unwrap()).unwrap();
            let thumbprint = &thumbprint;
            scope.spawn(move || {
                let kept = KeptLocation {
                    location: None,
                    until: NOW,
                };
                let add = |it: &mut Connection| {
                    it.locations.insert(number.to_string(), kept);
                };
                own.update(thumbprint, &SystemEntropy, add).unwrap();
            });
        }
    });
    assert_eq!(profile.connection("agt_1").unwrap().locations.len(), 8);
}

#[test]
fn an_agent_is_found_by_the_beginning_of_its_identifier() {
    let profile = Profile::in_memory();
    for id in ["agt_1", "agt_12", "x/../../y"] {
        insert(&profile, id);
    }
    let found = |prefix: &str| profile.connection(prefix).map(|it| it.agent_id);
    assert_eq!(found("agt_1").unwrap(), "agt_1");
    assert_eq!(found("agt_12").unwrap(), "agt_12");
    assert_eq!(found("x/").unwrap(), "x/../../y");
    let ambiguous = found("agt").unwrap_err().to_string();
    assert_eq!(ambiguous, "\"agt\" fits several agents: agt_1, agt_12");
    let unknown = found("bot").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no connected agent's id starts with \"bot\""
    );
}

#[test]
fn no_agent_can_take_the_identifier_of_another() {
    let profile = Profile::in_memory();
    let first = insert(&profile, "agt_1");
    let key = SigningKey::generate(&SystemEntropy).unwrap();
    for id in ["agt_1", ""] {
        let taken = profile.insert(connection(id, &key), &key, &SystemEntropy);
        assert!(
            matches!(taken, Err(ClientError::BadAnswer { .. })),
            "{id:?}"
        );
    }
    let kept = profile.connection("agt_1").unwrap();
    assert_eq!(kept.agent_key, Thumbprint::of(first.public()));
}

#[test]
fn a_removed_agent_stays_removed() {
    let (_home, profile) = profile();
    let key = insert(&profile, "agt_1");
    let kept = profile.connection("agt_1").unwrap();
    let thumbprint = Thumbprint::of(key.public());
    profile.remove(&thumbprint).unwrap();
    profile.remove(&thumbprint).unwrap();
    profile.update(&thumbprint, &SystemEntropy, |_| {}).unwrap();
    assert!(profile.connections().unwrap().is_empty());
    assert!(matches!(
        profile.agent_keys(&kept),
        Err(ProfileError::Gone { .. })
    ));
}

#[test]
fn a_profile_needs_a_directory() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    fs::write(&path, "").unwrap();
    assert!(matches!(Profile::open(path), Err(ProfileError::Io { .. })));
}
