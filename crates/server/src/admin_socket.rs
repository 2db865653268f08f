//! The administrator's way into a running server: a socket in the data directory that only its owner can open.
//! One request per connection, as a line of JSON, answered by a line of JSON.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use procura_service::Context;
use procura_service::admin::{self, AdminCall, AdminReply};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Opens the socket.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers requests for as long as the server runs.
pub async fn serve(ctx: Context, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let ctx = ctx.clone();
                tokio::spawn(async move {
                    if let Err(error) = answer(&ctx, stream).await {
                        tracing::warn!(%error, "an administrator's request could not be answered");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the administrator's socket cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(ctx: &Context, stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_REQUEST))
        .read_line(&mut line)
        .await?;
    let reply = match serde_json::from_str::<AdminCall>(&line) {
        Ok(call) => admin::run(ctx, &call).await,
        Err(error) => AdminReply::Refused(format!("the request cannot be read: {error}")),
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await
}

/// Asks the server that uses a data directory. `None` when none does.
pub async fn ask(data: &Path, call: &AdminCall) -> io::Result<Option<AdminReply>> {
    let mut stream = match UnixStream::connect(crate::data_dir::socket_in(data)).await {
        Ok(stream) => stream,
        // No socket, or one that a killed server left behind.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut text = serde_json::to_string(call)?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(Some(serde_json::from_str(&answer)?))
}

const MAX_REQUEST: u64 = 64 * 1024;
