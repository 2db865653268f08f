//! What PostgreSQL says in its own way. The other statements are shared with SQLite.

use std::borrow::Cow;

use sqlx::PgConnection;

/// A text as it is stored. U+0000, which a column cannot hold, becomes `\0`, and `\` becomes `\\`.
pub(crate) fn stored(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\\']) {
        text.replace('\\', r"\\").replace('\0', r"\0").into()
    } else {
        text.into()
    }
}

/// A stored text as it was.
pub(crate) fn original(stored: String) -> String {
    if !stored.contains('\\') {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored.chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' if rest.next() == Some('0') => '\0',
            c => c,
        });
    }
    text
}

/// Takes a JSON array with an array for each record, in the order of the columns.
pub(crate) async fn insert_audit(connection: &mut PgConnection, records: &str) -> sqlx::Result<()> {
    let statement = sqlx::query!(
        "INSERT INTO audit_log (sequence, at, event, outcome, actor, user_id, host_id, agent_id,
            capability, jti, detail, salt, activity_hash, previous, hash)
        SELECT (value ->> 0)::BIGINT, (value ->> 1)::BIGINT, value ->> 2, value ->> 3,
            value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9,
            value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14
        FROM json_array_elements($1::TEXT::JSON)",
        records,
    );
    statement.execute(connection).await.map(drop)
}

/// Takes a JSON array of `[signer, jti, forget_at]`. Returns how many are new.
pub(crate) async fn insert_seen(
    connection: &mut PgConnection,
    tokens: &str,
    now: i64,
) -> sqlx::Result<u64> {
    let statement = sqlx::query!(
        "INSERT INTO seen_tokens (signer, jti, forget_at)
        SELECT value ->> 0, value ->> 1, (value ->> 2)::BIGINT
        FROM json_array_elements($1::TEXT::JSON)
        ON CONFLICT (signer, jti) DO UPDATE SET forget_at = excluded.forget_at
            WHERE seen_tokens.forget_at <= $2",
        tokens,
        now,
    );
    let done = statement.execute(connection).await?;
    Ok(done.rows_affected())
}

/// Takes the same.
pub(crate) async fn find_seen(
    connection: &mut PgConnection,
    tokens: &str,
    now: i64,
) -> sqlx::Result<Vec<(String, String, i64)>> {
    let statement = sqlx::query!(
        "SELECT signer, jti, forget_at FROM seen_tokens
        WHERE (signer, jti) IN (
            SELECT value ->> 0, value ->> 1 FROM json_array_elements($1::TEXT::JSON)
        ) AND forget_at > $2",
        tokens,
        now,
    );
    let rows = statement.fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.signer, row.jti, row.forget_at))
        .collect())
}

/// Takes a JSON array of `[agent, time]`.
pub(crate) async fn touch_agents(connection: &mut PgConnection, uses: &str) -> sqlx::Result<()> {
    let statement = sqlx::query!(
        "WITH uses AS MATERIALIZED (
            SELECT value ->> 0 AS id, max((value ->> 1)::BIGINT) AS at
            FROM json_array_elements($1::TEXT::JSON) GROUP BY 1
        )
        UPDATE aap_agents SET last_used_at = uses.at FROM uses
        WHERE aap_agents.id = uses.id
            AND (aap_agents.last_used_at IS NULL OR aap_agents.last_used_at < uses.at)",
        uses,
    );
    statement.execute(connection).await.map(drop)
}

/// Takes a JSON array of agents.
pub(crate) async fn revoke_grants_of_agents(
    connection: &mut PgConnection,
    agents: &str,
    at: i64,
) -> sqlx::Result<()> {
    let statement = sqlx::query!(
        "UPDATE aap_grants
        SET status = 'revoked', approval_id = NULL, decided_by = NULL, updated_at = $2
        WHERE agent_id = ANY (ARRAY(SELECT json_array_elements_text($1::TEXT::JSON)))
            AND status IN ('pending', 'active')",
        agents,
        at,
    );
    statement.execute(connection).await.map(drop)
}

/// Takes a JSON array of agents.
pub(crate) async fn cancel_approvals_of_agents(
    connection: &mut PgConnection,
    agents: &str,
) -> sqlx::Result<()> {
    let statement = sqlx::query!(
        "UPDATE aap_approvals SET status = 'cancelled'
        WHERE agent_id = ANY (ARRAY(SELECT json_array_elements_text($1::TEXT::JSON)))
            AND status = 'open'",
        agents,
    );
    statement.execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_stored_without_nul_and_comes_back() {
        let texts = [
            "", "plain", "\0", r"\0", r"\\0", "\\\0\\", "a\0\0b", r"C:\dir\", "\\\\",
        ];
        let mut seen = Vec::new();
        for text in texts {
            let stored = stored(text).into_owned();
            assert!(!stored.contains('\0'), "{text:?}");
            assert!(!seen.contains(&stored), "{text:?}");
            assert_eq!(original(stored.clone()), text);
            seen.push(stored);
        }
    }
}
