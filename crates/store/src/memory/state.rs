use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use procura_agent_auth::agent::Agent;
use procura_agent_auth::approval::Approval;
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, ApprovalId, HostId, NoticeId};
use procura_agent_auth::notice::Notice;
use procura_keys::clock::Timestamp;
use procura_people::challenge::Challenge;
use procura_people::invitation::Invitation;
use procura_people::mail::MailChoice;
use procura_people::openid::{Flow, Identity};
use procura_people::passkey::{Passkey, PasskeyId};
use procura_people::person::{Person, PersonId};
use procura_people::push::PushDevice;
use procura_people::session::Session;
use procura_people::vault::VaultEntry;

use crate::audit::AuditRecord;
use crate::jobs::Job;
use crate::nodes::NodeId;
use crate::secrets::Secret;

/// Every table. Copying it copies a pointer for each; a table is copied when it is first written to.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) hosts: Arc<BTreeMap<HostId, Host>>,
    pub(super) agents: Arc<BTreeMap<AgentId, Agent>>,
    /// In the order they were added.
    pub(super) grants: Arc<Vec<Grant>>,
    pub(super) approvals: Arc<BTreeMap<ApprovalId, Approval>>,
    pub(super) persons: Arc<BTreeMap<PersonId, Person>>,
    pub(super) sessions: Arc<HashMap<[u8; 32], Session>>,
    pub(super) audit: Arc<BTreeMap<i64, Arc<AuditRecord>>>,
    pub(super) passkeys: Arc<BTreeMap<PasskeyId, Passkey>>,
    pub(super) challenges: Arc<HashMap<[u8; 32], Challenge>>,
    pub(super) flows: Arc<HashMap<[u8; 32], Flow>>,
    /// By issuer and subject.
    pub(super) identities: Arc<BTreeMap<(String, String), Identity>>,
    /// By person and service.
    pub(super) vault: Arc<BTreeMap<(PersonId, String), VaultEntry>>,
    pub(super) invitations: Arc<HashMap<[u8; 32], Invitation>>,
    /// Person and digest of the code.
    pub(super) recovery_codes: Arc<BTreeSet<(PersonId, [u8; 32])>>,
    /// A person and what they have a label for.
    pub(super) labels: Arc<BTreeMap<(String, String), String>>,
    pub(super) notices: Arc<BTreeMap<NoticeId, Notice>>,
    /// By person.
    pub(super) mail_choices: Arc<BTreeMap<String, MailChoice>>,
    /// By endpoint.
    pub(super) push_devices: Arc<BTreeMap<String, PushDevice>>,
    /// Signer and `jti`, and when to forget them.
    pub(super) seen: Arc<HashMap<(String, String), Timestamp>>,
    /// By purpose and number.
    pub(super) secrets: Arc<BTreeMap<(String, i64), Secret>>,
    pub(super) jobs: Arc<BTreeMap<String, Job>>,
    /// And their signs of life.
    pub(super) nodes: Arc<BTreeMap<NodeId, i64>>,
    /// The persons whose activity has to be erased.
    pub(super) due_erasures: Arc<BTreeSet<String>>,
}

/// The rows of a page: those after its start, in the order of their keys.
pub(super) fn rows_after<'a, K: Ord, V>(
    table: &'a BTreeMap<K, V>,
    after: Option<&K>,
) -> impl Iterator<Item = &'a V> {
    use std::ops::Bound::{Excluded, Unbounded};

    table
        .range((after.map_or(Unbounded, Excluded), Unbounded))
        .map(|(_, row)| row)
}

/// A page's length, for taking that many.
pub(super) fn length(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
