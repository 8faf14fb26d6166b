//! The dashboard as a person sees it, in headless Chromium where there is one.

use tokio::net::TcpListener;

use super::browser::{Browser, chromium};
use super::*;
use crate::serve::plugin::Step;

#[tokio::test(flavor = "multi_thread")]
async fn a_tired_person_sees_what_is_wrong_since_when_and_what_to_do() {
    let Some(chromium) = chromium() else {
        eprintln!("skipped: there is no Chromium (Debian's package `chromium`)");
        return;
    };
    let lab = Lab::new().await;
    let canary = Rollout {
        id: uuid::Uuid::now_v7().to_string(),
        name: name("offset"),
        from: None,
        to: None,
        handover: Handover::AtCheckpoint,
        share: Share::new(10).expect("a share"),
        canaries: None,
        stage: Stage::Canary,
        steps: vec![Step { at: 0, what: "1 of 9 connections go by it now: own/orders".to_owned() }],
        started_at: 0,
    };
    lab.server.store.begin_rollout(canary).await.expect("begun");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let served = tokio::spawn(axum::serve(listener, lab.router.clone()).into_future());
    let token = lab.operator.token.clone();
    let seen = tokio::task::spawn_blocking(move || look_around(Browser::start(chromium), &url, &token)).await;
    served.abort();
    seen.expect("the page works");
}

/// By keyboard alone: signs in, finds the connection that fails, its run, and what the run said.
fn look_around(mut browser: Browser, url: &str, token: &str) {
    browser.open(url);
    browser.wait_for("Sign in");
    browser.write("tg_wrong");
    browser.press("Enter");
    browser.wait_for("This token is not valid");
    browser.complaints.clear();

    browser.look("document.getElementById('token').select()");
    browser.write(token);
    browser.press("Enter");
    browser.wait_for("2 of 2 connections fail, since");
    for told in ["own/orders", "other/theirs", "answered 500", "What to do: ask its owner"] {
        browser.wait_for(told);
    }

    browser.focus("own/orders");
    browser.press("Enter");
    browser.wait_for("Rows over time");
    assert_eq!(browser.look("document.querySelectorAll('svg .failed').length"), 1);
    browser.focus("Full refresh…");
    browser.press("Enter");
    browser.wait_for("Read all of orders anew?");
    assert_eq!(browser.look("document.activeElement.textContent"), "Leave it");
    browser.press("Escape");
    assert_eq!(browser.look("document.querySelector('dialog') === null"), true);
    assert_eq!(browser.look("document.activeElement.textContent"), "Full refresh…");

    browser.look("document.querySelector('tbody a').focus()");
    browser.press("Enter");
    browser.wait_for("page 3 is odd");
    browser.focus("Strategies");
    browser.press("Enter");
    browser.wait_for("Bring in a new version");
    browser.wait_for("About 10 % of the connections go by it");
    browser.wait_for("1 of 9 connections go by it now: own/orders");
    browser.focus("Promote…");
    browser.press("Enter");
    browser.wait_for("active for all connections?");
    browser.press("Escape");
    browser.focus("Roll back…");
    browser.press("Enter");
    browser.wait_for("connections that went by the new one go on from the state from before");
    browser.press("Escape");
    browser.focus("Sign out");
    browser.press("Enter");
    browser.wait_for("Sign in");
    assert_eq!(browser.look("sessionStorage.length"), 0);
    assert_eq!(browser.complaints, Vec::<String>::new());
}
