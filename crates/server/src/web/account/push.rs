//! The devices on which a person is told of what waits for them.

use axum::extract::State;
use axum::response::Response;
use procura_keys::clock::Timestamp;
use procura_people::push::PushDevice;
use procura_service::ServiceResult;
use procura_service::people::SignedIn;
use procura_service::people::push::{self, DeviceError, NewDevice};

use super::{Problem, again, done, sign_in_first};
use crate::app::App;
use crate::web::form::Form;
use crate::web::notice::Notice;
use crate::web::session::Visitor;
use crate::web::text::visible;
use crate::web::when;

/// What the page says of them. Nothing where the server sends nothing to devices.
pub(super) struct Devices {
    /// What browsers are told about who sends.
    pub(super) key: String,
    pub(super) rows: Vec<DeviceRow>,
}

pub(super) struct DeviceRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) since: String,
}

impl Devices {
    pub(super) async fn load(app: &App, person: &SignedIn) -> ServiceResult<Option<Self>> {
        let Some(push) = &app.push else {
            return Ok(None);
        };
        let now = app.ctx.now();
        let devices = push::list(&app.ctx, person).await?;
        Ok(Some(Self {
            key: push.public_key(),
            rows: devices.iter().map(|one| DeviceRow::new(one, now)).collect(),
        }))
    }
}

impl DeviceRow {
    fn new(device: &PushDevice, now: Timestamp) -> Self {
        Self {
            id: device.id(),
            name: visible(&device.name),
            since: when::moment(device.created_at, now),
        }
    }
}

/// `POST /account/push`: adds the browser that sends it.
pub(in crate::web) async fn add(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let endpoint = form.text("endpoint");
    if !app.push.as_ref().is_some_and(|push| push.admits(endpoint)) {
        return again(&app, &person, Problem::Device(DeviceError::Unusable)).await;
    }
    let new = NewDevice {
        endpoint,
        public_key: form.text("p256dh"),
        auth: form.text("auth"),
        name: form.text("name"),
    };
    match push::add(&app.ctx, &person, new).await {
        Ok(()) => Ok(done(&app, "device_added")),
        Err(DeviceError::Failed(error)) => Err(error.into()),
        Err(error) => again(&app, &person, Problem::Device(error)).await,
    }
}

/// `POST /account/push/remove`.
pub(in crate::web) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    push::remove(&app.ctx, &person, form.text("device")).await?;
    Ok(done(&app, "device_removed"))
}
