//! Notices as e-mail, handed to an SMTP server of the operator's (RFC 5321) over TLS.

mod failure;
mod text;

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use procura_agent_auth::notice::{Audience, Notice, Undelivered};
use procura_keys::clock::Timestamp;
use procura_people::person::Email;
use procura_service::{Context, notices};

use self::text::Text;
pub(super) use self::text::quotable;
use super::Sender;

/// What e-mail is called among the receivers.
pub const NAME: &str = "e-mail";

/// A way to send e-mail.
#[derive(Clone)]
pub struct Mail {
    /// The server that takes it.
    pub transport: AsyncSmtpTransport<Tokio1Executor>,
    /// From whom it is.
    pub from: Mailbox,
    /// Whom answers reach, if not the sender.
    pub reply_to: Option<Mailbox>,
    /// Who is told of what waits for an administrator.
    pub desk: Option<Mailbox>,
    /// How long sending may take; shorter than the lease of an attempt.
    pub patience: Duration,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mail(from {})", self.from)
    }
}

#[async_trait]
impl Sender for Mail {
    fn name(&self) -> &str {
        NAME
    }

    async fn send(&self, ctx: &Context, notice: &Notice) -> Result<(), Undelivered> {
        let letter = notices::letter(ctx, notice).await;
        let letter = letter.map_err(|error| failure::passing(error.to_string()))?;
        let (to, text) = match &notice.audience {
            Audience::Person(_) => {
                let to = letter.to.as_ref().ok_or_else(failure::nobody)?;
                (mailbox(to)?, Text::of_inbox(ctx, &letter.requests))
            }
            Audience::Administrators => {
                let desk = self.desk.clone().ok_or_else(failure::nobody)?;
                (desk, Text::of_desk(ctx, &letter.requests))
            }
        };
        self.deliver(to, notice.id.as_str(), &text, ctx.now()).await
    }
}

impl Mail {
    /// Sends a message that says that sending works.
    pub async fn send_test(
        &self,
        to: &Email,
        server: &str,
        now: Timestamp,
    ) -> Result<(), Undelivered> {
        let id = format!("test_{}", now.as_millis());
        let text = Text::of_test(server);
        self.deliver(mailbox(to)?, &id, &text, now).await
    }

    /// Sends a message with a link by which its reader confirms that the address is theirs. `id` tells it from others.
    pub(crate) async fn send_confirmation(
        &self,
        ctx: &Context,
        to: &Email,
        link: &str,
        id: &str,
    ) -> Result<(), Undelivered> {
        let text = Text::of_confirmation(&ctx.provider().name, link);
        self.deliver(mailbox(to)?, id, &text, ctx.now()).await
    }

    /// Sends one message. `id` is the same at each attempt, so that whoever keeps the mail knows it again.
    async fn deliver(
        &self,
        to: Mailbox,
        id: &str,
        text: &Text,
        now: Timestamp,
    ) -> Result<(), Undelivered> {
        let message = self.message(to, id, text, now)?;
        match tokio::time::timeout(self.patience, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure::of(&error)),
            Err(_) => Err(failure::passing("no answer in time".to_owned())),
        }
    }

    fn message(
        &self,
        to: Mailbox,
        id: &str,
        text: &Text,
        now: Timestamp,
    ) -> Result<Message, Undelivered> {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&text.subject)
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())));
        let message = match self.reply_to.clone() {
            Some(reply_to) => message.reply_to(reply_to),
            None => message,
        };
        // No holiday note should answer it (RFC 3834).
        let message = with(message, "Auto-Submitted", "auto-generated");
        let message = match &text.settings {
            Some(url) => with(message, "List-Unsubscribe", &format!("<{url}>")),
            None => message,
        };
        let parts = MultiPart::alternative_plain_html(text.plain.clone(), text.html.clone());
        let message = message.multipart(parts);
        message.map_err(|error| failure::for_good(format!("no message can be made: {error}")))
    }
}

fn with(message: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    let name = HeaderName::new_from_ascii_str(name);
    message.raw_header(HeaderValue::new(name, value.to_owned()))
}

/// The person's own name is left out: whoever signed up chose it.
fn mailbox(email: &Email) -> Result<Mailbox, Undelivered> {
    let address = email.as_str().parse();
    let address = address.map_err(|_| failure::for_good("not an address for e-mail".to_owned()))?;
    Ok(Mailbox::new(None, address))
}
