//! Reading a request's body before it is judged, and putting it back.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use procura_agent_auth::refusal::Refusal;

/// The body a guarded service gets: whole where the layer has read it, else as it arrives.
pub type GuardedBody<B> = Either<Full<Bytes>, B>;

/// The largest body that is read, in bytes, where the layer is given no other limit: 1 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Reads the whole body, up to `limit` bytes.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge { limit }),
        Err(_) => Err(Refusal::invalid("The body ended before it was whole.")),
    }
}
