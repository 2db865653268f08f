//! Every page, light and dark, for people who see, hear and move in different ways (WCAG 2.2 AA, by axe-core), and
//! for those on a slow line.

use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::cdp::browser_protocol::network::{ClearBrowserCookiesParams, CookieParam};
use chromiumoxide::cdp::browser_protocol::page::{GetFrameTreeParams, SetDocumentContentParams};
use serde_json::{Value, json};

use crate::chromium::World;
use crate::showcase::{Showcase, Sight};

impl World {
    /// Goes to see a page as the one who may, and as it was answered if it is the answer to a form.
    async fn visit(&self, shown: &Showcase, sight: &Sight, language: &str) {
        self.page
            .execute(ClearBrowserCookiesParams::default())
            .await
            .unwrap();
        self.set_cookie("procura_language", language).await;
        if let Some(who) = sight.who {
            let (name, value) = shown.cookie_of(who).split_once('=').unwrap();
            self.set_cookie(name, value).await;
        }
        self.open(&sight.path).await;
        if let Some(html) = &sight.html {
            let frames = self
                .page
                .execute(GetFrameTreeParams::default())
                .await
                .unwrap();
            let frame = frames.frame_tree.frame.id.clone();
            let put = SetDocumentContentParams::new(frame, html.clone());
            self.page.execute(put).await.unwrap();
        }
        self.until("document.readyState === 'complete'").await;
        if sight.opened {
            self.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                .await;
        }
    }

    async fn set_cookie(&self, name: &str, value: &str) {
        let mut cookie = CookieParam::new(name, value);
        cookie.url = Some(self.bank.issuer.clone());
        self.page.set_cookie(cookie).await.unwrap();
    }

    /// As wide as a phone.
    async fn on_a_phone(&self) {
        let screen = SetDeviceMetricsOverrideParams::new(390, 844, 1.0, false);
        self.page.execute(screen).await.unwrap();
    }

    /// How far the page reaches beyond the screen.
    async fn overflow(&self) -> i64 {
        let beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.run(beyond).await.as_i64().unwrap()
    }

    /// Colours as preferred, and no motion: what is still changing its colour is not judged rightly.
    async fn prefer(&self, scheme: &str) {
        let media = SetEmulatedMediaParams::builder()
            .feature(MediaFeature::new("prefers-color-scheme", scheme))
            .feature(MediaFeature::new("prefers-reduced-motion", "reduce"))
            .build();
        self.page.execute(media).await.unwrap();
    }

    /// What axe finds wrong with the page that is shown.
    async fn violations(&self) -> Vec<Value> {
        let script = format!(
            "axe.run({{ runOnly: {} }}).then(({{ violations }}) => violations.map(({{ id, nodes }}) => ({{
                id, nodes: nodes.map(({{ html, failureSummary }}) => [html, failureSummary]) }})))",
            json!(RULES)
        );
        let found = self.run(&script);
        serde_json::from_value(found.await).unwrap()
    }

    /// How much came over the wire for the page that is shown.
    async fn weight(&self) -> f64 {
        let sum = "performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))
            .reduce((sum, entry) => sum + entry.encodedBodySize, 0)";
        self.run(sum).await.as_f64().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_light_and_can_be_used_by_everybody() {
    let (bank, shown) = Showcase::open().await;
    let world = World::at(bank).await;
    let mut wrong = Vec::new();
    for sight in shown.sights() {
        world.visit(&shown, sight, "en").await;
        world.run(AXE).await;
        for scheme in ["light", "dark"] {
            world.prefer(scheme).await;
            let found = world.violations().await;
            wrong.extend(
                found
                    .into_iter()
                    .map(|found| format!("{} {scheme}: {found:#}", sight.name)),
            );
        }
        let weight = world.weight().await;
        if weight > MAX_BYTES {
            wrong.push(format!("{}: {weight} bytes", sight.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_a_phone_and_can_be_used_in_german() {
    let (bank, shown) = Showcase::open().await;
    let world = World::at(bank).await;
    world.on_a_phone().await;
    world.prefer("light").await;
    let mut wrong = Vec::new();
    // Answers to forms were made in English.
    for sight in shown.sights().iter().filter(|sight| sight.html.is_none()) {
        world.visit(&shown, sight, "de").await;
        let language = world.run("document.documentElement.lang").await;
        assert_eq!(language, "de", "{}", sight.name);
        let overflow = world.overflow().await;
        if overflow > 0 {
            wrong.push(format!("{}: {overflow} pixels too wide", sight.name));
        }
        world.run(AXE).await;
        let found = world.violations().await.into_iter();
        wrong.extend(found.map(|found| format!("{}: {found:#}", sight.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hinders_people_is_found() {
    let world = World::start().await;
    world.open("/login").await;
    world.run(AXE).await;
    world.run("document.querySelector('label').remove()").await;
    let found = world.violations().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["id"], "label");
    world.close().await;
}

const AXE: &str = include_str!("axe/axe.min.js");
const RULES: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];
const MAX_BYTES: f64 = 100.0 * 1024.0;
