//! Every page, light and dark, for people who see, hear and move in different ways (WCAG 2.2 AA, by axe-core), and
//! for those on a slow line.

use chromiumoxide::cdp::browser_protocol::emulation::{MediaFeature, SetEmulatedMediaParams};
use chromiumoxide::cdp::browser_protocol::network::{ClearBrowserCookiesParams, CookieParam};
use chromiumoxide::cdp::browser_protocol::page::{GetFrameTreeParams, SetDocumentContentParams};
use serde_json::{Value, json};

use crate::chromium::World;
use crate::showcase::{Showcase, Sight};

impl World {
    /// Goes to see a page as the one who may, and as it was answered if it is the answer to a form.
    async fn visit(&self, shown: &Showcase, sight: &Sight) {
        self.page
            .execute(ClearBrowserCookiesParams::default())
            .await
            .unwrap();
        if let Some(who) = sight.who {
            let (name, value) = shown.cookie_of(who).split_once('=').unwrap();
            let mut cookie = CookieParam::new(name, value);
            cookie.url = Some(self.bank.issuer.clone());
            self.page.set_cookie(cookie).await.unwrap();
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
        world.visit(&shown, sight).await;
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
