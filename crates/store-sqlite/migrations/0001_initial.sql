-- Times are milliseconds since 1970. References are checked when a transaction commits, so that the
-- order of statements within it is free. What may not happen at all (two hosts with one key, two
-- open requests for one capability, a pending grant that waits for nothing) is a constraint.

CREATE TABLE persons (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT,
    administrator BOOLEAN NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX administrators ON persons (administrator, disabled);

CREATE TABLE sessions (
    token_digest BLOB NOT NULL PRIMARY KEY CHECK (length(token_digest) = 32),
    person_id TEXT NOT NULL REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED,
    proof_method TEXT NOT NULL CHECK (proof_method IN ('password', 'passkey', 'recovery_code', 'openid')),
    proof_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person_id, created_at, token_digest);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED,
    credential_id BLOB NOT NULL UNIQUE,
    -- A COSE key.
    public_key BLOB NOT NULL,
    sign_count BIGINT NOT NULL,
    synced BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_person ON passkeys (person_id, id);

CREATE TABLE challenges (
    value BLOB NOT NULL PRIMARY KEY CHECK (length(value) = 32),
    nonce BLOB NOT NULL CHECK (length(nonce) = 32),
    expires_at BIGINT NOT NULL
);
CREATE INDEX challenges_by_end ON challenges (expires_at);

-- Sign-ins that are at an OpenID provider, under the digest of the secret in the browser's cookie.
CREATE TABLE openid_flows (
    secret_digest BLOB NOT NULL PRIMARY KEY CHECK (length(secret_digest) = 32),
    issuer TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('sign_in', 'fresh_sign_in', 'connect')),
    person_id TEXT,
    next TEXT,
    expires_at BIGINT NOT NULL,
    CHECK ((purpose = 'connect') = (person_id IS NOT NULL))
);
CREATE INDEX openid_flows_by_end ON openid_flows (expires_at);

-- Who somebody is at an OpenID provider.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (person_id, issuer)
);

-- What people have entrusted to the server, so that it can act for them at services.
CREATE TABLE vault_entries (
    person_id TEXT NOT NULL REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED,
    service TEXT NOT NULL,
    key_id TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    ciphertext BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, service)
);
CREATE INDEX vault_entries_by_key ON vault_entries (key_id);

CREATE TABLE invitations (
    token_digest BLOB NOT NULL PRIMARY KEY CHECK (length(token_digest) = 32),
    -- Whoever holds the link chooses one if there is none.
    email TEXT,
    administrator BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invitations_by_end ON invitations (expires_at);
CREATE INDEX invitations_by_email ON invitations (email);

CREATE TABLE recovery_codes (
    person_id TEXT NOT NULL REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED,
    code_digest BLOB NOT NULL CHECK (length(code_digest) = 32),
    PRIMARY KEY (person_id, code_digest)
);

CREATE TABLE aap_hosts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    thumbprint TEXT NOT NULL UNIQUE,
    -- Where it publishes its keys, if it does, and the key before the latest change.
    jwks_url TEXT UNIQUE,
    previous_thumbprint TEXT,
    previous_until BIGINT,
    user_id TEXT,
    -- A JSON array of names.
    default_capabilities TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'revoked', 'rejected')),
    activated_at BIGINT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((previous_thumbprint IS NULL) = (previous_until IS NULL)),
    CHECK (previous_thumbprint IS NULL OR jwks_url IS NOT NULL)
);
CREATE INDEX aap_hosts_by_user ON aap_hosts (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX aap_hosts_by_name ON aap_hosts (lower(name), id);
CREATE INDEX aap_hosts_pending ON aap_hosts (created_at) WHERE status = 'pending';

CREATE TABLE aap_agents (
    id TEXT NOT NULL PRIMARY KEY,
    host_id TEXT NOT NULL REFERENCES aap_hosts (id) DEFERRABLE INITIALLY DEFERRED,
    user_id TEXT,
    name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('delegated', 'autonomous')),
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    thumbprint TEXT NOT NULL,
    -- Where it publishes its keys, if it does, and which of them is its own.
    jwks_url TEXT,
    jwks_kid TEXT,
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'active', 'expired', 'revoked', 'rejected', 'claimed')),
    activated_at BIGINT,
    -- When an agent that waits to go on falls back to expired.
    pending_until BIGINT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (host_id, thumbprint),
    CHECK ((jwks_url IS NULL) = (jwks_kid IS NULL)),
    CHECK (activated_at IS NOT NULL OR status NOT IN ('active', 'expired', 'claimed')),
    CHECK (pending_until IS NULL OR (status = 'pending' AND activated_at IS NOT NULL))
);
CREATE INDEX aap_agents_by_host ON aap_agents (host_id, id);
CREATE INDEX aap_agents_by_user ON aap_agents (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX aap_agents_by_mode ON aap_agents (mode, id);
CREATE INDEX aap_agents_by_status ON aap_agents (status, id);
CREATE INDEX aap_agents_by_name ON aap_agents (lower(name), id);
CREATE INDEX aap_agents_by_host_and_status ON aap_agents (host_id, status, id);

CREATE TABLE aap_approvals (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES aap_agents (id) ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED,
    host_id TEXT NOT NULL REFERENCES aap_hosts (id) DEFERRABLE INITIALLY DEFERRED,
    purpose TEXT NOT NULL CHECK (purpose IN ('registration', 'capabilities', 'reactivation')),
    approver TEXT NOT NULL CHECK (approver IN ('person', 'administrator')),
    -- One of the protocol's, or of the server's own.
    method TEXT NOT NULL,
    -- Of the user code, which a request in an inbox does not have.
    code_digest BLOB UNIQUE CHECK (length(code_digest) = 32),
    -- In whose inbox it waits.
    user_id TEXT,
    reason TEXT,
    binding_message TEXT,
    login_hint TEXT,
    -- Of the secret part of its notification URL.
    notification_digest BLOB UNIQUE CHECK (length(notification_digest) = 32),
    status TEXT NOT NULL CHECK (status IN ('open', 'approved', 'denied', 'cancelled')),
    decided_by TEXT,
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CHECK ((code_digest IS NOT NULL) = (method = 'device_authorization')),
    CHECK ((user_id IS NOT NULL) = (method = 'ciba')),
    CHECK ((decided_by IS NOT NULL) = (status IN ('approved', 'denied'))),
    CHECK ((decided_at IS NOT NULL) = (status IN ('approved', 'denied')))
);
CREATE INDEX aap_approvals_by_agent ON aap_approvals (agent_id);
CREATE INDEX aap_approvals_by_end ON aap_approvals (expires_at);
CREATE INDEX aap_approvals_open_by_agent ON aap_approvals (agent_id, id) WHERE status = 'open';
CREATE INDEX aap_approvals_open_by_user ON aap_approvals (user_id, expires_at) WHERE status = 'open';
CREATE INDEX aap_approvals_open_by_end ON aap_approvals (expires_at) WHERE status = 'open';

CREATE TABLE aap_grants (
    -- The order in which grants were added.
    sequence INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    agent_id TEXT NOT NULL REFERENCES aap_agents (id) ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED,
    capability TEXT NOT NULL,
    -- A JSON object in the wire form.
    constraints TEXT,
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'denied', 'withdrawn', 'revoked')),
    -- The request that a pending grant waits for.
    approval_id TEXT REFERENCES aap_approvals (id) DEFERRABLE INITIALLY DEFERRED,
    -- Who granted or denied it.
    decided_by TEXT,
    reason TEXT,
    expires_at BIGINT,
    -- How often it may be used, and how often it still may.
    uses_allowed BIGINT,
    uses_left BIGINT,
    -- What the capability was when it was granted, as SHA-256.
    form BLOB CHECK (length(form) = 32),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((approval_id IS NOT NULL) = (status = 'pending')),
    CHECK ((uses_allowed IS NULL) = (uses_left IS NULL)),
    CHECK (uses_left IS NULL OR uses_left BETWEEN 0 AND uses_allowed),
    CHECK ((decided_by IS NOT NULL) = (status IN ('active', 'denied', 'withdrawn')))
);
CREATE UNIQUE INDEX aap_grants_pending_once ON aap_grants (agent_id, capability)
    WHERE status = 'pending';
CREATE INDEX aap_grants_by_capability ON aap_grants (capability, id) WHERE status = 'active';
CREATE INDEX aap_grants_by_agent ON aap_grants (agent_id, sequence);
CREATE INDEX aap_grants_by_approval ON aap_grants (approval_id, sequence)
    WHERE approval_id IS NOT NULL;
CREATE INDEX aap_grants_settled ON aap_grants (updated_at)
    WHERE status IN ('denied', 'withdrawn', 'revoked');

CREATE TABLE audit_log (
    sequence INTEGER NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    -- The activity, which is gone as a whole once it was erased.
    actor TEXT,
    user_id TEXT,
    host_id TEXT,
    agent_id TEXT,
    capability TEXT,
    jti TEXT,
    -- A JSON object, members in alphabetical order.
    detail TEXT,
    -- 16 random bytes in base64url.
    salt TEXT,
    -- SHA-256 in base64url, as exports show it.
    activity_hash TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    CHECK ((actor IS NULL) = (salt IS NULL) AND (detail IS NULL) = (salt IS NULL)),
    CHECK (salt IS NOT NULL OR coalesce(user_id, host_id, agent_id, capability, jti) IS NULL)
);
CREATE INDEX audit_log_by_user ON audit_log (user_id, sequence) WHERE user_id IS NOT NULL;
CREATE INDEX audit_log_by_agent ON audit_log (agent_id, sequence) WHERE agent_id IS NOT NULL;
CREATE INDEX audit_log_by_host ON audit_log (host_id, sequence)
    WHERE host_id IS NOT NULL AND agent_id IS NULL;
CREATE INDEX audit_log_erasable ON audit_log (at, sequence)
    WHERE salt IS NOT NULL AND event NOT IN ('activity.erased', 'audit.cut');

-- Up to where records were cut off.
CREATE TABLE audit_cuts (
    through BIGINT NOT NULL PRIMARY KEY
);

-- A record may lose its activity, unless it is one about the log itself, and be cut off.
CREATE TRIGGER audit_log_keeps_its_records BEFORE UPDATE ON audit_log
    WHEN NOT (
        OLD.salt IS NOT NULL AND NEW.salt IS NULL
        AND OLD.event NOT IN ('activity.erased', 'audit.cut')
        AND NEW.sequence = OLD.sequence AND NEW.at = OLD.at AND NEW.event = OLD.event AND NEW.outcome = OLD.outcome
        AND NEW.activity_hash = OLD.activity_hash AND NEW.previous = OLD.previous AND NEW.hash = OLD.hash
    )
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_log_drops_nothing BEFORE DELETE ON audit_log
    WHEN OLD.sequence > coalesce((SELECT max(through) FROM audit_cuts), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Persons whose activity has to be erased.
CREATE TABLE due_erasures (
    user_id TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE seen_tokens (
    signer TEXT NOT NULL,
    jti TEXT NOT NULL,
    forget_at BIGINT NOT NULL,
    PRIMARY KEY (signer, jti)
) WITHOUT ROWID;
CREATE INDEX seen_tokens_by_end ON seen_tokens (forget_at);

-- What people call their apps and agents themselves.
CREATE TABLE labels (
    user_id TEXT NOT NULL,
    -- The host or agent.
    subject TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (user_id, subject)
) WITHOUT ROWID;

-- What people are told about requests that wait for them, and what became of it.
CREATE TABLE notices (
    id TEXT NOT NULL PRIMARY KEY,
    receiver TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('inbox.waiting', 'desk.waiting')),
    -- Whose inbox it is.
    user_id TEXT,
    -- A JSON array of identifiers.
    requests TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'delivered', 'dead', 'dropped')),
    attempts BIGINT NOT NULL,
    -- When it is sent first, from where quiet periods count, and when next.
    planned_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((user_id IS NOT NULL) = (event = 'inbox.waiting'))
);
CREATE TABLE mail_choices (
    user_id TEXT NOT NULL PRIMARY KEY,
    choice TEXT NOT NULL CHECK (choice IN ('on', 'off', 'unconfirmed'))
);
CREATE TABLE push_devices (
    endpoint TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    public_key TEXT NOT NULL,
    auth TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX push_devices_by_user ON push_devices (user_id, created_at, endpoint);
CREATE INDEX notices_waiting ON notices (receiver, due_at, id) WHERE status = 'waiting';
CREATE INDEX notices_by_receiver ON notices (receiver, planned_at);
CREATE INDEX notices_by_user ON notices (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX notices_settled ON notices (updated_at) WHERE status <> 'waiting';

-- What every node, and every later start, has to know alike.
CREATE TABLE secrets (
    purpose TEXT NOT NULL,
    number BIGINT NOT NULL,
    value BLOB NOT NULL CHECK (length(value) = 32),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose, number)
) WITHOUT ROWID;

-- Processes that share the database, and how often each has given a sign of life.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    beats BIGINT NOT NULL
) WITHOUT ROWID;

-- Calls that finish later.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL,
    capability TEXT NOT NULL,
    jti TEXT NOT NULL,
    -- Where it runs.
    node TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'interrupted')),
    -- JSON: the result, or the error as it is shown.
    outcome TEXT,
    started_at BIGINT NOT NULL,
    forget_at BIGINT,
    CHECK ((forget_at IS NULL) = (status = 'pending')),
    CHECK (outcome IS NULL OR status IN ('completed', 'failed')),
    CHECK (outcome IS NOT NULL OR status <> 'completed')
);
CREATE INDEX jobs_pending ON jobs (node, id) WHERE status = 'pending';
CREATE INDEX jobs_by_end ON jobs (forget_at) WHERE forget_at IS NOT NULL;
