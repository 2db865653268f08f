//! Adding a browser to those that are told. No push service is in reach of a test, so what it would say is played: the
//! subscription by the page, the message by the browser itself.

use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::browser::{
    PermissionDescriptor, PermissionSetting, SetPermissionParams,
};
use chromiumoxide::cdp::browser_protocol::service_worker::{
    DeliverPushMessageParams, EnableParams, EventWorkerRegistrationUpdated,
};
use chromiumoxide::cdp::browser_protocol::target::SetAutoAttachParams;
use futures_util::StreamExt as _;

use crate::chromium::World;
use crate::support::{Setup, extended};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_added_and_shows_what_it_is_sent() {
    let world = World::with(Setup {
        config: extended("[notify.push]\ncontact = 'mailto:ops@bank.example'"),
        ..Setup::default()
    });
    let world = world.await;
    let notifications = PermissionDescriptor::new("notifications");
    let grant = SetPermissionParams::new(notifications, PermissionSetting::Granted);
    world.page.execute(grant).await.unwrap();
    // Or the library would have the worker wait for a debugger that never comes.
    let attach = SetAutoAttachParams::new(false, false);
    world.page.execute(attach).await.unwrap();
    world.plug_in().await;
    world.set_up().await;
    let mut workers = world
        .page
        .event_listener::<EventWorkerRegistrationUpdated>()
        .await
        .unwrap();
    world.page.execute(EnableParams::default()).await.unwrap();

    world.open("/account").await;
    world.see("None does yet.").await;
    world.run(SUBSCRIBED).await;
    world.press("form[data-push] button").await;
    world.see("This device is told from now on.").await;
    world.see("Tell it no more").await;

    let registration = async {
        loop {
            let update = workers.next().await.unwrap();
            if let Some(one) = update.registrations.first() {
                return one.registration_id.clone();
            }
        }
    };
    let registration = tokio::time::timeout(Duration::from_secs(20), registration).await;
    let message = r#"{"title":"bank","body":"“App” asks for permission","url":"/inbox"}"#;
    let deliver = DeliverPushMessageParams::new(&world.bank.issuer, registration.unwrap(), message);
    world.run(LOOK).await;
    // A worker that is still being set up hears nothing: it is sent again, as a push service would.
    let sending = async {
        loop {
            let _ = world.page.execute(deliver.clone()).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::select! {
        () = sending => {}
        () = world.until("window.shown === 'bank: “App” asks for permission'") => {}
    }
    world.press("form[action$='/push/remove'] button").await;
    world.see("That device is told no more.").await;
    world.close().await;
}

/// What a push service would give.
const SUBSCRIBED: &str = "PushManager.prototype.subscribe = async (wanted) => ({ toJSON: () => ({
    endpoint: 'https://push.example/1',
    keys: { p256dh: wanted.applicationServerKey, auth: 'AAAAAAAAAAAAAAAAAAAAAA' },
}) })";

/// Looks at the notifications until there is one.
const LOOK: &str = "setInterval(async () => {
    const [worker] = await navigator.serviceWorker.getRegistrations();
    const [note] = await worker.getNotifications();
    window.shown = note && `${note.title}: ${note.body}`;
}, 50)";
